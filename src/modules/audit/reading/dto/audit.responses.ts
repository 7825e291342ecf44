import { ApiProperty } from '@nestjs/swagger';

import { AUDIT_EVENT_TYPES } from '#platform/audit-trail/audit-actions.js';
import type { AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import type { ExportedEntry } from '../../domain/exported-entry.js';
import { OUTCOMES } from './audit.queries.js';

const ACTOR_TYPES = ['user', 'key', 'service_account', 'job', 'system', 'anonymous'];
const FACTS = { type: 'object', additionalProperties: true } as const;
const TEXTS = { type: 'object', additionalProperties: { type: 'string' } } as const;

class TargetResponse {
  @ApiProperty({ example: 'key' })
  type: string;

  @ApiProperty()
  id: string;
}

class EventActorResponse {
  @ApiProperty({ enum: ACTOR_TYPES })
  type: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'The user, key or service account, or the name of the job; `null`: nobody who is known.',
  })
  id: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The key that was presented.' })
  key_id: string | null;
}

class EntryActorResponse extends EventActorResponse {
  @ApiProperty({ type: String, nullable: true, description: 'Of a person who was logged in.' })
  session_id: string | null;
}

class WrittenResponse {
  @ApiProperty()
  id: string;

  @ApiProperty({ format: 'date-time' })
  timestamp: string;

  @ApiProperty({ enum: AUDIT_EVENT_TYPES })
  event_type: string;

  @ApiProperty({ example: 'key.revoked', description: 'What was done: see docs/audit.md.' })
  action: string;

  @ApiProperty({ enum: OUTCOMES })
  outcome: string;

  @ApiProperty({ type: String, nullable: true, description: 'The person behind it.' })
  user_id: string | null;

  @ApiProperty({ type: String, nullable: true, description: '`null`: not known.' })
  ip_address: string | null;

  @ApiProperty({ type: String, nullable: true })
  user_agent: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Two upper-case letters.' })
  country: string | null;

  @ApiProperty({ type: TargetResponse })
  target: TargetResponse;

  @ApiProperty({ type: String, nullable: true, description: 'The `x-request-id` of its answer.' })
  request_id: string | null;
}

export class KeyEventResponse extends WrittenResponse {
  @ApiProperty({ type: EventActorResponse })
  actor: EventActorResponse;

  @ApiProperty({
    ...FACTS,
    description: 'What else is known of it, with `before`, `after` and `reason` where there are.',
  })
  details: AuditFacts;
}

export class KeyEventListResponse {
  @ApiProperty({ type: [KeyEventResponse], description: 'Newest first.' })
  events: KeyEventResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class AuditEntryResponse extends WrittenResponse implements ExportedEntry {
  @ApiProperty()
  organization_id: string;

  @ApiProperty({ type: EntryActorResponse })
  actor: EntryActorResponse;

  @ApiProperty({ type: String, nullable: true, description: 'The key in whose own log it is.' })
  key_id: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why, where somebody said so.' })
  reason: string | null;

  @ApiProperty({ ...FACTS, nullable: true, description: 'What is different now, as it was.' })
  before: AuditFacts | null;

  @ApiProperty({ ...FACTS, nullable: true, description: 'What is different now, as it is.' })
  after: AuditFacts | null;

  @ApiProperty({ ...FACTS, description: 'What else is known of it.' })
  details: AuditFacts;

  @ApiProperty({
    ...TEXTS,
    nullable: true,
    description: 'All that is about people, by name; `null`: left out.',
  })
  personal: ExportedEntry['personal'];

  @ApiProperty({ type: String, nullable: true, description: 'For checking `personal`.' })
  salt: string | null;

  @ApiProperty({ ...TEXTS, description: 'What its hash covers of `personal`, by name.' })
  personal_commitments: ExportedEntry['personal_commitments'];

  @ApiProperty({ type: Number, nullable: true, description: 'Its place; `null`: not sealed yet.' })
  sequence: number | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Of the log up to the entry before, hexadecimal.',
  })
  previous_hash: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Of the log up to it, hexadecimal.' })
  hash: string | null;
}

export class AuditListResponse {
  @ApiProperty({ type: [AuditEntryResponse], description: 'Newest first.' })
  data: AuditEntryResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}
