import { AppError } from '#common/errors/app-error.js';

import { approvalStatus, type ApprovalRequestEntity } from '../approval-request.entity.js';

export type Decision = {
  readonly status: 'approved' | 'rejected' | 'withdrawn';
  readonly reason: string | null;
};

/** What is written of a decision. */
export function decidedBy(
  { keyId, userId }: { readonly keyId: string; readonly userId: string | null },
  { status, reason }: Decision,
  now: number,
): Decision & Pick<ApprovalRequestEntity, 'decidedBy' | 'decidedByUser' | 'decidedAt'> {
  return { status, reason, decidedBy: keyId, decidedByUser: userId, decidedAt: new Date(now) };
}

export function isDecided(request: ApprovalRequestEntity, now: number): AppError {
  const status = approvalStatus(request, now);
  return new AppError('conflict', { message: `${request.id} is ${status} already.` });
}
