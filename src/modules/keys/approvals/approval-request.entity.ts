import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import type { SubjectChange } from '#modules/organizations/index.js';
import { NULLABLE_TIMESTAMP, TIMESTAMP } from '#platform/database/base.columns.js';
import type {
  ApprovalKind,
  ApprovalStatus,
  ApprovalSubject,
} from '#platform/http/approvals/approval.response.js';

/** What is asked for of a key: a new one, to be enabled again, or the body of a change. */
export type KeyApprovalChange =
  | { readonly action: 'create' | 'enable' }
  | { readonly action: 'update'; readonly body: Readonly<Record<string, unknown>> };

@Entity('approval_requests')
@Index('approval_requests_listing', ['organizationId', 'createdAt', 'id'])
@Index('approval_requests_one_open', ['keyId'], { unique: true, where: `status = 'pending'` })
@Index('approval_requests_key', ['keyId'])
@Index('approval_requests_one_open_of_subject', ['subjectId'], {
  unique: true,
  where: `status = 'pending'`,
})
@Check(
  'approval_requests_subject_type_check',
  `subject_type IN ('key', 'policy', 'budget', 'organization')`,
)
@Check(
  'approval_requests_subject_check',
  `(subject_type = 'key') = (key_id IS NOT NULL) AND (subject_type = 'key') = (subject_id IS NULL)`,
)
@Check('approval_requests_kind_check', `kind IN ('create', 'widen')`)
@Check(
  'approval_requests_status_check',
  `status IN ('pending', 'approved', 'rejected', 'withdrawn', 'expired')`,
)
export class ApprovalRequestEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'organization_id', type: 'text' })
  @ForeignKey('OrganizationEntity', { name: 'approval_requests_organization_fk' })
  organizationId: string;

  @Column({ name: 'subject_type', type: 'text', default: 'key' })
  subjectType: ApprovalSubject;

  @Column({ name: 'key_id', type: 'text', nullable: true })
  @ForeignKey('ApiKeyEntity', { name: 'approval_requests_key_fk' })
  keyId: string | null;

  /** Of what is no key, and may be gone by now. */
  @Column({ name: 'subject_id', type: 'text', nullable: true })
  subjectId: string | null;

  @Column('text')
  kind: ApprovalKind;

  @Column('jsonb')
  change: KeyApprovalChange | SubjectChange;

  /** What there would be more of. */
  @Column({ type: 'text', array: true })
  fields: string[];

  /** The key, or the user with a session, that asked. */
  @Column({ name: 'requested_by', type: 'text' })
  requestedBy: string;

  /** Who was behind that then. */
  @Column({ name: 'requested_by_user', type: 'text', nullable: true })
  requestedByUser: string | null;

  @Column('text')
  status: ApprovalStatus;

  @Column({ name: 'decided_by', type: 'text', nullable: true })
  decidedBy: string | null;

  @Column({ name: 'decided_by_user', type: 'text', nullable: true })
  decidedByUser: string | null;

  @Column({ name: 'decided_at', ...NULLABLE_TIMESTAMP })
  decidedAt: Date | null;

  @Column({ type: 'text', nullable: true })
  reason: string | null;

  @Column({ name: 'created_at', ...TIMESTAMP })
  createdAt: Date;

  @Column({ name: 'expires_at', ...TIMESTAMP })
  expiresAt: Date;
}

/** By the clock, so that no job has to run for a request to expire. */
export function approvalStatus(
  { status, expiresAt }: Pick<ApprovalRequestEntity, 'status' | 'expiresAt'>,
  now: number,
): ApprovalStatus {
  return status === 'pending' && expiresAt.getTime() <= now ? 'expired' : status;
}
