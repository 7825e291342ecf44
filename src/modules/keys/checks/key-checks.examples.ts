import { CREATED_KEY_EXAMPLE, KEY_EXAMPLE } from '../keys.examples.js';

export const REQUEST_EXAMPLE = {
  model: 'gpt-4o',
  features: ['streaming'],
  ip: '203.0.113.7',
  max_tokens: 500,
};

export const VERIFY_EXAMPLE = {
  key: CREATED_KEY_EXAMPLE.key,
  request: { model: 'gpt-4o-mini' },
  consume: { requests: 1 },
};

export const VERIFIED_EXAMPLE = {
  valid: true,
  code: null,
  key_id: KEY_EXAMPLE.id,
  name: KEY_EXAMPLE.name,
  environment: KEY_EXAMPLE.environment,
  access_level: KEY_EXAMPLE.access_level,
  scopes: KEY_EXAMPLE.scopes,
  expires_at: KEY_EXAMPLE.expires_at,
  metadata: KEY_EXAMPLE.metadata,
  limits: [
    {
      subject: 'key',
      subject_id: KEY_EXAMPLE.id,
      metric: 'requests',
      window: 'day',
      model: null,
      limit: 1000,
      used: 13,
      reserved: 0,
      remaining: 987,
      resets_at: '2026-11-28T00:00:00.000Z',
    },
  ],
};

/** The trace in part. */
export const SIMULATED_EXAMPLE = {
  decision: 'deny',
  status: 403,
  code: 'model_not_allowed',
  trace: [
    { rule: 'revoked', outcome: 'not_restricted', detail: 'The key is not revoked.' },
    { rule: 'ip', outcome: 'not_restricted', detail: 'The key does not restrict addresses.' },
    {
      rule: 'model',
      outcome: 'deny',
      detail: 'The key allows 2 models (gpt-4o-mini, claude-*). The request names “gpt-4o”.',
    },
  ],
};
