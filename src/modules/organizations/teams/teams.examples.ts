/** Examples of the OpenAPI document. */
export const TEAM_EXAMPLE = {
  id: 'team_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'Platform',
  description: 'Everybody who works on the platform',
  status: 'active',
  created_at: '2026-11-27T09:00:00.000Z',
};

export const TEAM_MEMBER_EXAMPLE = {
  user_id: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'developer',
  can_manage_keys: true,
  created_at: '2026-11-27T09:00:00.000Z',
};
