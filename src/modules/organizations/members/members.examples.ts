/** Examples of the OpenAPI document. */
export const MEMBER_EXAMPLE = {
  id: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ada@example.com',
  name: 'Ada',
  role: 'developer',
  status: 'active',
  teams: [
    {
      id: 'team_4fTqV0mZx1sLwq8nE2bYcA',
      name: 'Platform',
      role: 'developer',
      can_manage_keys: true,
    },
  ],
  created_at: '2026-11-27T09:00:00.000Z',
};

export const USER_STANDING_EXAMPLE = {
  id: MEMBER_EXAMPLE.id,
  status: 'suspended',
  everywhere: false,
};
