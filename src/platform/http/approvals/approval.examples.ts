import type { ApprovalResponse } from './approval.response.js';

export const APPROVAL_EXAMPLE: ApprovalResponse = {
  id: 'apr_4fTqV0mZx1sLwq8nE2bYcA',
  kind: 'widen',
  subject_type: 'key',
  subject_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  key_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  status: 'pending',
  change: { action: 'update', body: { permissions: { models: ['gpt-*'] } } },
  fields: ['permissions.models.allowed'],
  requested_by: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  requested_by_user: 'user_4fTqV0mZx1sLwq8nE2bYcA',
  decided_by: null,
  decided_by_user: null,
  decided_at: null,
  reason: null,
  created_at: '2026-11-21T09:00:00.000Z',
  expires_at: '2026-11-28T09:00:00.000Z',
};

export const DECIDED_EXAMPLE: ApprovalResponse = {
  ...APPROVAL_EXAMPLE,
  status: 'approved',
  decided_by: 'user_9kLqV0mZx1sLwq8nE2bYcA',
  decided_by_user: 'user_9kLqV0mZx1sLwq8nE2bYcA',
  decided_at: '2026-11-21T10:00:00.000Z',
};
