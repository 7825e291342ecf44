/** Examples of the OpenAPI document. Their secrets have no valid checksum, so no scanner takes them for real. */
export const KEY_EXAMPLE = {
  id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'backend',
  prefix: 'pr-live-',
  last_four: 'a1B2',
  type: 'personal',
  environment: 'production',
  access_level: 'inference',
  scopes: ['inference', 'models:read'],
  status: 'active',
  policy: { models: { allowed: ['gpt-4o-mini', 'claude-*'], denied: [] } },
  metadata: { team: 'backend' },
  created_at: '2026-11-21T09:00:00.000Z',
  expires_at: '2027-12-31T23:59:59.000Z',
  last_used_at: null,
  version: 1,
};

export const CREATED_KEY_EXAMPLE = {
  ...KEY_EXAMPLE,
  key: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
};

export const NEW_KEY_EXAMPLE = {
  name: 'backend',
  permissions: { models: ['gpt-4o-mini', 'claude-*'] },
  metadata: { team: 'backend' },
  expires_at: '2027-12-31T23:59:59Z',
};

export const CALLING_KEY_EXAMPLE = {
  ...KEY_EXAMPLE,
  usage: { requests: 42, input_tokens: 12_345, output_tokens: 6_789, cost: 0.0987 },
};
