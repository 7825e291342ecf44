export const NEW_SETTINGS_EXAMPLE = {
  defaults: { permissions: { models: ['gpt-4o-mini'], max_cost_per_day: 50 } },
  rules: { require_ip_list: true, max_lifetime_days: 90 },
};

export const SETTINGS_EXAMPLE = {
  environment: 'production',
  defaults: {
    permissions: { models: { allowed: ['gpt-4o-mini'] } },
    rate_limits: { costs: { per_day_max: '50' } },
  },
  rules: {
    require_ip_list: true,
    require_expiry: false,
    max_lifetime_days: 90,
    require_signature: false,
    require_approval: false,
    allowed_networks: null,
    denied_networks: [],
  },
  version: 1,
  updated_by: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  updated_at: '2026-11-28T09:00:00.000Z',
};
