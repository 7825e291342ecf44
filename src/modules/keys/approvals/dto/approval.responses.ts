import { ApiProperty } from '@nestjs/swagger';

import { APPROVAL_KINDS, APPROVAL_STATUSES } from '../approval-request.entity.js';

const NULLABLE_TEXT = { type: String, nullable: true } as const;
const TIME = { type: String, format: 'date-time' } as const;

export class ApprovalResponse {
  @ApiProperty({ example: 'apr_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({
    enum: APPROVAL_KINDS,
    description: '`create`: a new key. `widen`: something more for one that there is.',
  })
  kind: string;

  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA' })
  key_id: string;

  @ApiProperty({ enum: APPROVAL_STATUSES })
  status: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What was asked for: `action`, and of an `update` its `body`.',
  })
  change: object;

  @ApiProperty({ type: [String], description: 'What the key would get more of.' })
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

export class ApprovalListResponse {
  @ApiProperty({ type: [ApprovalResponse] })
  data: ApprovalResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT)
  next_cursor: string | null;
}
