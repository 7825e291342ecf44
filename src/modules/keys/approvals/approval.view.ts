import { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import { type ApprovalRequestEntity, approvalStatus } from './approval-request.entity.js';

export function viewApproval(request: ApprovalRequestEntity, now: number): ApprovalResponse {
  return Object.assign(new ApprovalResponse(), {
    id: request.id,
    kind: request.kind,
    subject_type: request.subjectType,
    subject_id: request.keyId ?? request.subjectId,
    key_id: request.keyId,
    status: approvalStatus(request, now),
    change: request.change,
    fields: request.fields,
    requested_by: request.requestedBy,
    requested_by_user: request.requestedByUser,
    decided_by: request.decidedBy,
    decided_by_user: request.decidedByUser,
    decided_at: request.decidedAt?.toISOString() ?? null,
    reason: request.reason,
    created_at: request.createdAt.toISOString(),
    expires_at: request.expiresAt.toISOString(),
  });
}

/** For who reaches only some keys: which others a change of a policy gives more is not theirs to know. */
export function withoutOthersKeys(request: ApprovalRequestEntity): ApprovalRequestEntity {
  const { change } = request;
  if (!('keys' in change)) return request;
  return { ...request, change: { ...change, keys: { ...change.keys, ids: [] } } };
}
