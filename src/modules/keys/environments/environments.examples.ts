export const NEW_SETTINGS_EXAMPLE = {
  defaults: { permissions: { models: ['gpt-4o-mini'], max_cost_per_day: 50 } },
};

export const SETTINGS_EXAMPLE = {
  environment: 'production',
  defaults: {
    permissions: { models: { allowed: ['gpt-4o-mini'] } },
    rate_limits: { costs: { per_day_max: '50' } },
  },
  version: 1,
  updated_by: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  updated_at: '2026-11-28T09:00:00.000Z',
};
