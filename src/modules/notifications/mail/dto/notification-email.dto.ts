import { ApiProperty } from '@nestjs/swagger';

import { PageQuery } from '#common/pagination/page.query.js';
import { MailAddress, Text, TextList } from '#common/validation/fields.js';

import { NOTIFICATION_TYPES } from '../../notifier.port.js';

/** All events, those that are added later too. */
export const ALL_EVENTS = '*';

const TEAM_FIELD = { example: 'team_4fTqV0mZx1sLwq8nE2bYcA', max: 64, optional: true };

export class CreateNotificationEmailDto {
  @MailAddress({ description: 'Where mails are sent.', example: 'ops@example.com' })
  email: string;

  @TextList({
    description: 'What is told, or `["*"]` for everything.',
    example: ['key.expiring', 'key.expired'],
    minItems: 1,
    maxItems: NOTIFICATION_TYPES.length,
    values: [ALL_EVENTS, ...NOTIFICATION_TYPES],
  })
  events: string[];

  @Text({ description: 'For people.', example: 'On-call', max: 200, optional: true })
  description?: string | null;

  @Text({
    description: 'The team whose keys are told of. Unless given: all keys.',
    ...TEAM_FIELD,
  })
  team_id?: string | null;
}

export class ListNotificationEmailsQuery extends PageQuery {
  @Text({ description: 'Only those of this team.', ...TEAM_FIELD })
  team_id?: string;
}

export class NotificationEmailResponse {
  @ApiProperty({ example: 'ch_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'ops@example.com' })
  email: string;

  @ApiProperty({ type: [String], enum: [ALL_EVENTS, ...NOTIFICATION_TYPES] })
  events: string[];

  @ApiProperty({ type: String, nullable: true })
  description: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The team whose keys are told of; `null` for all keys.',
  })
  team_id: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;
}

export class NotificationEmailListResponse {
  @ApiProperty({ type: [NotificationEmailResponse] })
  data: NotificationEmailResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedNotificationEmailResponse {
  @ApiProperty({ example: 'ch_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}
