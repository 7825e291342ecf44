import { ApiProperty } from '@nestjs/swagger';

import { UNUSED_KEY_ACTIONS } from '../key-care-policies.port.js';
import { LEAKED_KEY_ACTIONS } from '../leaked-key-policy.port.js';
import { NULLABLE_TEXT_RESPONSE, STANDINGS } from '../structure.fields.js';
import { SUSPICIOUS_KEY_ACTIONS } from '../suspicious-key-policy.port.js';
import { UNCLAIMED_SECRET_ACTIONS } from '../unclaimed-secret-policy.port.js';

export class OrganizationResponse {
  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'Default' })
  name: string;

  @ApiProperty({
    enum: STANDINGS,
    description: '`suspended`: none of its keys and members gets anything.',
  })
  status: string;

  @ApiProperty({
    enum: LEAKED_KEY_ACTIONS,
    description: 'What is done with a key of the organization that is reported as leaked.',
  })
  leaked_keys: string;

  @ApiProperty({
    enum: UNCLAIMED_SECRET_ACTIONS,
    description:
      'What becomes of an old secret whose time is over while nobody has claimed the new one.',
  })
  unclaimed_secrets: string;

  @ApiProperty({
    type: [Number],
    description: 'So many days before a key expires somebody is told.',
  })
  expiry_reminder_days: number[];

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'After so many days without a call a key counts as unused; `null`: never.',
  })
  unused_key_days: number | null;

  @ApiProperty({ enum: UNUSED_KEY_ACTIONS, description: 'What is done with an unused key.' })
  unused_key_action: string;

  @ApiProperty({
    enum: SUSPICIOUS_KEY_ACTIONS,
    description: 'What is done with a watched key whose use looks like somebody else’s.',
  })
  suspicious_keys: string;

  @ApiProperty({
    type: Number,
    description: 'For so many days entries of the audit log are kept.',
  })
  audit_retention_days: number;

  @ApiProperty({
    type: Number,
    description: 'So many hours somebody has to approve what waits for it.',
  })
  approval_expiry_hours: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description:
      'Lifting a budget above so many USD, or deleting one, waits for somebody’s approval; `null`: nothing waits.',
  })
  approval_budget_threshold: number | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;
}

export class OrganizationListResponse {
  @ApiProperty({ type: [OrganizationResponse] })
  data: OrganizationResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
