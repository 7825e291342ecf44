/** Examples of the OpenAPI document. */
export const NEW_WEBHOOK_EXAMPLE = {
  url: 'https://example.com/hooks/latchkey',
  events: ['key.rotated', 'key.expiring'],
  description: 'Our pager',
};

export const WEBHOOK_EXAMPLE = {
  id: 'wh_4fTqV0mZx1sLwq8nE2bYcA',
  url: 'https://example.com/hooks/latchkey',
  events: ['key.rotated', 'key.expiring'],
  description: 'Our pager',
  key_id: null,
  team_id: null,
  status: 'active',
  status_reason: null,
  failing_since: null,
  created_at: '2026-11-27T09:00:00.000Z',
};

export const WEBHOOK_WITH_SECRET_EXAMPLE = { ...WEBHOOK_EXAMPLE, secret: 'whsec_EXAMPLE' };

export const DELIVERY_EXAMPLE = {
  id: 'dlv_4fTqV0mZx1sLwq8nE2bYcA',
  event_id: 'msg_4fTqV0mZx1sLwq8nE2bYcA',
  type: 'key.rotated',
  status: 'delivered',
  attempts: 1,
  response_status: 204,
  error: null,
  created_at: '2026-11-27T09:30:00.000Z',
  attempted_at: '2026-11-27T09:30:00.100Z',
  next_attempt_at: null,
};
