/** Whoever adds to this list opens a route to the world. */
export const PUBLIC = [
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /schemas/key-policy.json',
];
/** All that a read-only key may call; those of later versions are on it already. */
export const READ_ONLY = [
  '/api/v1/openrouter/models',
  '/api/v1/dedicated/devices',
  '/api/v1/dedicated/support',
  '/api/v1/dedicated/performance',
  '/api/v1/dedicated/deployments',
  '/api/v1/dedicated/deployments/:id',
  '/api/v1/dedicated/deployments/:id/models',
  '/api/v1/billing/invoices',
  '/api/v1/billing/invoices/current',
  '/api/v1/billing/invoices/:id',
];
/** Public as well, for people who have no session yet. */
export const FOR_PEOPLE = [
  'POST /v1/auth/login',
  'POST /v1/auth/password-reset',
  'POST /v1/auth/password-reset/confirm',
  'POST /v1/auth/signup',
  'POST /v1/invitations/:token/accept',
];
/** Public as well, for those who can sign what they send. */
export const SIGNED = ['POST /v1/leaks', 'POST /v1/leaks/github'];
/** Public as well, for who has a link that we have signed. */
export const LINKED = ['GET /v1/exports/:id/file'];
