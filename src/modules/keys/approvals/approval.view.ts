import { type ApprovalRequestEntity, approvalStatus } from './approval-request.entity.js';
import { ApprovalResponse } from './dto/approval.responses.js';

export function viewApproval(request: ApprovalRequestEntity, now: number): ApprovalResponse {
  return Object.assign(new ApprovalResponse(), {
    id: request.id,
    kind: request.kind,
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
