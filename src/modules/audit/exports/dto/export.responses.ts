import { ApiProperty } from '@nestjs/swagger';

import { AUDIT_EVENT_TYPES, type AuditEventType } from '#platform/audit-trail/audit-actions.js';

import {
  EXPORT_FORMATS,
  EXPORT_STATES,
  type ExportFormat,
  type ExportState,
} from '../domain/audit-export.js';

export class ExportProgressResponse {
  @ApiProperty({ description: 'Entries that are written.' })
  entries_done: number;

  @ApiProperty({ type: Number, nullable: true, description: '`null` before they were counted.' })
  entries_total: number | null;
}

export class ExportResponse {
  @ApiProperty()
  id: string;

  @ApiProperty({ enum: EXPORT_STATES })
  state: ExportState;

  @ApiProperty({ enum: EXPORT_FORMATS })
  format: ExportFormat;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Whose log it is of; `null`: the whole organization’s.',
  })
  key_id: string | null;

  @ApiProperty({ description: 'The key or the person that asked for it.' })
  requested_by: string;

  @ApiProperty({ description: 'Whether it has what is about people.' })
  include_pii: boolean;

  @ApiProperty({
    enum: AUDIT_EVENT_TYPES,
    isArray: true,
    nullable: true,
    description: '`null`: all.',
  })
  event_types: AuditEventType[] | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'The first moment that is in it.',
  })
  start_date: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'The first that is not.' })
  end_date: string;

  @ApiProperty()
  progress: ExportProgressResponse;

  @ApiProperty({ description: 'Of the file so far.' })
  bytes: number;

  @ApiProperty({ type: String, nullable: true, description: 'Why it has failed.' })
  failure: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the file is deleted; `null` before there is one.',
  })
  expires_at: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'Where the file can be had without a credential, for an hour. Each answer has a new one. `null` unless it is ready.',
  })
  download_url: string | null;
}

export class ExportListResponse {
  @ApiProperty({ type: [ExportResponse] })
  data: ExportResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}
