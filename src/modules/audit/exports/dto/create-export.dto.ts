import { Flag, OneOf, Text, TextList } from '#common/validation/fields.js';
import { AUDIT_EVENT_TYPES, type AuditEventType } from '#platform/audit-trail/audit-actions.js';

import { EXPORT_FORMATS, type ExportFormat } from '../domain/audit-export.js';
import { EXPORT_PERIODS, type ExportPeriod } from '../domain/export-period.js';

/** With a zone, where there is a time: without one it would mean another moment on each machine. */
const ISO_DATE_OR_TIME =
  /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;
const MAX_TIME_LENGTH = 29;

export class CreateExportDto {
  @OneOf({ description: 'Of the file.', values: EXPORT_FORMATS })
  format: ExportFormat;

  @OneOf({
    description:
      'Which time it is of: `last_month`, `last_quarter` and `last_year` are calendar periods in UTC, the others end now. Instead of the dates.',
    values: EXPORT_PERIODS,
    optional: true,
  })
  period?: ExportPeriod;

  @Text({
    description: 'A date or a time, in it; the first entry unless said.',
    example: '2026-10-01',
    max: MAX_TIME_LENGTH,
    pattern: ISO_DATE_OR_TIME,
    optional: true,
  })
  start_date?: string;

  @Text({
    description: 'A date, with its day, or the first moment not in it; now unless said.',
    example: '2026-10-31',
    max: MAX_TIME_LENGTH,
    pattern: ISO_DATE_OR_TIME,
    optional: true,
  })
  end_date?: string;

  @TextList({
    description: 'Entries of these types only.',
    values: AUDIT_EVENT_TYPES,
    minItems: 1,
    maxItems: AUDIT_EVENT_TYPES.length,
    optional: true,
  })
  event_types?: AuditEventType[];

  @Flag({
    description:
      'Whether with addresses, user agents, countries and what else is about people. Without, it can be verified all the same.',
    optional: true,
  })
  include_pii?: boolean;
}
