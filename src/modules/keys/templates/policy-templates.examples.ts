import { KEY_EXAMPLE, KEY_POLICY_EXAMPLE } from '../keys.examples.js';

export const NEW_TEMPLATE_EXAMPLE = {
  name: 'team_default',
  description: 'What every team starts with.',
  permissions: { models: ['gpt-4o-mini', 'claude-*'] },
  rate_limits: { costs: { per_day_max: 50 } },
};

export const TEMPLATE_EXAMPLE = {
  id: 'pol_4fTqV0mZx1sLwq8nE2bYcA',
  ...NEW_TEMPLATE_EXAMPLE,
  inherit_from: null,
  restrictions: null,
  security: null,
  version: 1,
  created_by: 'key_0000000000000000000001',
  created_at: '2026-11-21T09:00:00.000Z',
  updated_at: '2026-11-21T09:00:00.000Z',
};

export const TEMPLATE_CHANGE_EXAMPLE = { rate_limits: { costs: { per_day_max: 20 } } };

export const TEMPLATE_VERSION_EXAMPLE = {
  ...NEW_TEMPLATE_EXAMPLE,
  inherit_from: null,
  restrictions: null,
  security: null,
  version: 1,
  changed_by: TEMPLATE_EXAMPLE.created_by,
  changed_at: TEMPLATE_EXAMPLE.updated_at,
};

export const EFFECTIVE_TEMPLATE_EXAMPLE = {
  id: TEMPLATE_EXAMPLE.id,
  version: 1,
  policy: KEY_POLICY_EXAMPLE.policy,
  sources: {
    'permissions.models.allowed': ['template'],
    'permissions.models.denied': ['default'],
  },
  set_by: { 'permissions.models.allowed': TEMPLATE_EXAMPLE.id },
};

export const INHERITING_KEY_EXAMPLE = {
  key_id: KEY_EXAMPLE.id,
  name: KEY_EXAMPLE.name,
  inherit_from: TEMPLATE_EXAMPLE.id,
  overrides: { permissions: { models: { allowed: ['gpt-4o-mini'] } } },
};

export const IMPACT_EXAMPLE = {
  key_id: KEY_EXAMPLE.id,
  name: KEY_EXAMPLE.name,
  wider: [],
  narrower: ['rate_limits.costs.per_day_max'],
  different: [],
};
