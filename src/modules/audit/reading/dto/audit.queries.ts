import { Transform } from 'class-transformer';

import { PageQuery } from '#common/pagination/page.query.js';
import { OneOf, Text, TextList } from '#common/validation/fields.js';
import { AUDIT_EVENT_TYPES, type AuditEventType } from '#platform/audit-trail/audit-actions.js';
import type { AuditOutcome, INSTALLATION } from '#platform/audit-trail/audit-trail.port.js';

import { InstallationLog } from '../../dto/asked-log.js';

export const OUTCOMES = ['success', 'failure', 'denied'] as const satisfies AuditOutcome[];

const MAX_NAME_LENGTH = 256;
const MAX_ADDRESS_LENGTH = 45;
const MAX_TEXT_LENGTH = 200;
const MAX_DATE_LENGTH = 40;

/** Of `a,b`, of `a` and `b` given one by one, and of both together. */
function listOf(value: unknown): unknown {
  const given = [value].flat();
  if (!given.every((one) => typeof one === 'string')) return value;
  const names = given.flatMap((one) => one.split(',')).map((name) => name.trim());
  return [...new Set(names)];
}

class EventsQuery extends PageQuery {
  @Text({
    description:
      'The first moment to look at: a time with its offset, or a date, which is its midnight in UTC. From the first entry on unless said.',
    example: '2026-11-01',
    max: MAX_DATE_LENGTH,
    optional: true,
  })
  start_date?: string;

  @Text({
    description:
      'A time with its offset, not looked at itself, or a date, whose day is looked at. Up to now unless said.',
    example: '2026-11-30',
    max: MAX_DATE_LENGTH,
    optional: true,
  })
  end_date?: string;

  @Transform(({ value }: { value: unknown }) =>
    value === undefined || value === null ? value : listOf(value),
  )
  @TextList({
    description: 'Any of these; given one by one, or separated by commas.',
    maxItems: AUDIT_EVENT_TYPES.length,
    values: AUDIT_EVENT_TYPES,
    optional: true,
  })
  event_types?: AuditEventType[];
}

export class ListKeyEventsQuery extends EventsQuery {}

export class ListAuditQuery extends EventsQuery {
  @InstallationLog()
  organization_id?: typeof INSTALLATION;

  @Text({
    description:
      'Who did it: a user, also with a key of their own; a key; a service account; or a job by its name.',
    example: 'user_4fTqV0mZx1sLwq8nE2bYcA',
    max: MAX_NAME_LENGTH,
    optional: true,
  })
  actor?: string;

  @Text({
    description: 'What was done, or `key.*` for everything that is done to keys.',
    example: 'key.revoked',
    max: 64,
    pattern: /^[a-z_]+\.([a-z_]+|\*)$/,
    optional: true,
  })
  action?: string;

  @Text({
    description: 'The id of what it was done to.',
    max: MAX_NAME_LENGTH,
    optional: true,
  })
  target?: string;

  @Text({
    description: 'What kind of thing it was done to.',
    example: 'key',
    max: 64,
    pattern: /^[a-z_]+$/,
    optional: true,
  })
  target_type?: string;

  @OneOf({ description: 'How it went.', values: OUTCOMES, optional: true })
  outcome?: AuditOutcome;

  @Text({
    description:
      'The log of this key only. Who reaches only some keys must give one that they reach.',
    max: 64,
    optional: true,
  })
  key_id?: string;

  @Text({ description: 'The `x-request-id` of its answer.', max: 128, optional: true })
  request_id?: string;

  @Text({
    description: 'From where it was done.',
    example: '203.0.113.7',
    max: MAX_ADDRESS_LENGTH,
    optional: true,
  })
  ip_address?: string;

  @Text({
    description:
      'Words that all stand in its action, target, reason, details, `before` or `after`, whatever their case; the last may be the beginning of one. Whatever is no letter or digit separates words.',
    example: 'production billing',
    max: MAX_TEXT_LENGTH,
    optional: true,
  })
  q?: string;
}
