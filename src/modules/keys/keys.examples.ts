import { toPolicyDocument } from './domain/policy/policy-document.js';
import { UNRESTRICTED_POLICY } from './domain/policy/policy-fields.js';

const ALLOWED_MODELS = ['gpt-4o-mini', 'claude-*'];

const POLICY_EXAMPLE = toPolicyDocument({
  ...UNRESTRICTED_POLICY,
  allowedModels: ALLOWED_MODELS,
  requestsPerMinute: 100,
  costPerDayNanos: 50_000_000_000,
  alertThreshold: 0.8,
  exportsData: false,
  deletesData: false,
});

/** Examples of the OpenAPI document. Their secrets have no valid checksum, so no scanner takes them for real. */
export const KEY_EXAMPLE = {
  id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'backend',
  prefix: 'pr-live-',
  last_four: 'a1B2',
  type: 'personal',
  scope: {
    organization_id: 'org_4fTqV0mZx1sLwq8nE2bYcA',
    team_id: null,
    service_account_id: null,
    projects: [],
  },
  owner_id: null,
  members: [],
  suspended_by: null,
  environment: 'production',
  access_level: 'inference',
  scopes: ['inference', 'models:read'],
  effective_scopes: ['inference', 'models:read'],
  status: 'active',
  policy: POLICY_EXAMPLE,
  metadata: { team: 'backend' },
  created_at: '2026-11-21T09:00:00.000Z',
  disabled_reason: null,
  auto_enable_at: null,
  revoked_at: null,
  revoked_reason: null,
  expires_at: '2027-12-31T23:59:59.000Z',
  last_used_at: null,
  version: 1,
};

export const CREATED_KEY_EXAMPLE = {
  ...KEY_EXAMPLE,
  key: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
};

export const SIGNING_SECRET_EXAMPLE = {
  id: KEY_EXAMPLE.id,
  signing_secret: 'lsig_EXAMPLE',
  version: 2,
};

export const NEW_KEY_EXAMPLE = {
  name: 'backend',
  permissions: { models: ALLOWED_MODELS },
  rate_limits: {
    requests: { per_minute: 100 },
    costs: { per_day_max: 50, alert_threshold: 0.8 },
  },
  metadata: { team: 'backend' },
  expires_at: '2027-12-31T23:59:59Z',
};

export const CALLING_KEY_EXAMPLE = {
  ...KEY_EXAMPLE,
  organization_id: 'org_4fTqV0mZx1sLwq8nE2bYcA',
  usage: { requests: 42, input_tokens: 12_345, output_tokens: 6_789, cost: 0.0987 },
};

export const KEY_POLICY_EXAMPLE = {
  key_id: KEY_EXAMPLE.id,
  version: 1,
  created_by: 'key_0000000000000000000001',
  policy: POLICY_EXAMPLE,
  sources: { 'permissions.models.allowed': ['key'], 'permissions.models.denied': ['default'] },
  inherit_from: null,
  overrides: null,
};
