/** Example of the OpenAPI document. */
export const SERVICE_ACCOUNT_EXAMPLE = {
  id: 'sa_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'nightly-batch',
  description: 'Reports that run at night',
  team_id: 'team_4fTqV0mZx1sLwq8nE2bYcA',
  role: 'developer',
  status: 'active',
  created_by: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  created_at: '2026-11-27T09:00:00.000Z',
  updated_at: '2026-11-27T09:00:00.000Z',
  version: 1,
};
