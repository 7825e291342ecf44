import { ApiProperty } from '@nestjs/swagger';

export const APPROVAL_KINDS = ['create', 'widen'] as const;
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];

export const APPROVAL_SUBJECTS = ['key', 'policy', 'budget', 'organization'] as const;
export type ApprovalSubject = (typeof APPROVAL_SUBJECTS)[number];

export const APPROVAL_STATUSES = [
  'pending',
  'approved',
  'rejected',
  'withdrawn',
  'expired',
] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

const NULLABLE_TEXT = { type: String, nullable: true } as const;
const TIME = { type: String, format: 'date-time' } as const;

/** Something that waits for somebody else, or did. Beside the routes of approvals those answer it that may have to wait. */
export class ApprovalResponse {
  @ApiProperty({ example: 'apr_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({
    enum: APPROVAL_KINDS,
    description: '`create`: a new key. `widen`: something more for what there is.',
  })
  kind: string;

  @ApiProperty({ enum: APPROVAL_SUBJECTS, description: 'What would get more.' })
  subject_type: string;

  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  subject_id: string;

  @ApiProperty({ ...NULLABLE_TEXT, description: 'The same id, where it is a key.' })
  key_id: string | null;

  @ApiProperty({ enum: APPROVAL_STATUSES })
  status: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description:
      'What was asked for: `action`, of an `update` its `body`, and what it was asked for by: the `version` that there was, or what the settings `were`.',
  })
  change: object;

  @ApiProperty({ type: [String], description: 'What there would be more of.' })
  fields: string[];

  @ApiProperty({ description: 'The key, or the user with a session, that asked.' })
  requested_by: string;

  @ApiProperty({ ...NULLABLE_TEXT, description: 'Who was behind that.' })
  requested_by_user: string | null;

  @ApiProperty(NULLABLE_TEXT)
  decided_by: string | null;

  @ApiProperty(NULLABLE_TEXT)
  decided_by_user: string | null;

  @ApiProperty({ ...TIME, nullable: true })
  decided_at: string | null;

  @ApiProperty({
    ...NULLABLE_TEXT,
    description: 'What whoever decided, or withdrew it, said of it.',
  })
  reason: string | null;

  @ApiProperty(TIME)
  created_at: string;

  @ApiProperty({ ...TIME, description: 'From then on nobody can approve it any more.' })
  expires_at: string;
}
