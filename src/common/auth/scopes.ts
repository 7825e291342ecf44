/** What a credential may be allowed to do. `a:read` never includes `a:write`. */
export const SCOPES = [
  'inference',
  'keys:read',
  'keys:write',
  'usage:read',
  'audit:read',
  'audit:export',
  'billing:read',
  'billing:write',
  'deployments:read',
  'deployments:write',
  'org:read',
  'org:write',
  'config:read',
  'config:write',
  'providers:read',
  'providers:write',
  'models:read',
] as const;
export type Scope = (typeof SCOPES)[number];

export const ACCESS_LEVELS = [
  'master',
  'admin',
  'full',
  'management',
  'inference',
  'read_only',
] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

const READ_SCOPES = SCOPES.filter((scope) => scope.endsWith(':read'));

/** Access levels are bundles of scopes. `master` reaches every organization besides, `read_only` only a list of GETs. */
export const SCOPES_OF_LEVEL: Readonly<Record<AccessLevel, readonly Scope[]>> = {
  master: SCOPES,
  admin: SCOPES,
  full: ['inference', ...READ_SCOPES],
  management: SCOPES.filter((scope) => scope !== 'inference'),
  inference: ['inference', 'models:read'],
  read_only: ['models:read', 'deployments:read', 'billing:read'],
};

/** A set of scopes as a bit mask: one AND on the hot path. */
export type ScopeMask = number;

const BIT_OF_SCOPE = new Map<string, number>(SCOPES.map((scope, index) => [scope, 1 << index]));

export function scopeMask(scopes: readonly Scope[]): ScopeMask {
  return scopes.reduce((mask, scope) => mask | (BIT_OF_SCOPE.get(scope) ?? 0), 0);
}

export function scopesOf(mask: ScopeMask): Scope[] {
  return SCOPES.filter((_, index) => (mask & (1 << index)) !== 0);
}
