export const GRANT_EXAMPLE = {
  id: 'grant_4fTqV0mZx1sLwq8nE2bYcA',
  organization_id: 'org_4fTqV0mZx1sLwq8nE2bYcA',
  kind: 'prepaid',
  amount: 25,
  remaining: 25,
  reason: 'Invoice 2026-118 paid',
  expires_at: null,
  granted_by: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  created_at: '2026-11-28T09:00:00.000Z',
};

const USED = {
  credits_used: 0.75,
  requests: 120,
  tokens: { prompt: 60_000, completion: 20_000, total: 80_000 },
};

export const CREDIT_BALANCE_EXAMPLE = {
  object: 'credit_balance',
  balance: { credits: 29.25, currency: 'USD' },
  usage: { daily: USED, monthly: USED },
  limits: {
    rate_limit: { requests_per_minute: null, tokens_per_minute: null },
    daily_limit: { credits: null, remaining: null },
  },
  billing: {
    plan: 'prepaid',
    auto_recharge: { enabled: false, threshold: null, amount: null },
    next_billing_date: null,
  },
};
