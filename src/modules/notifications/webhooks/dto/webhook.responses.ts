import { ApiProperty } from '@nestjs/swagger';

import { DELIVERY_STATUSES, WEBHOOK_STATUSES } from './webhook.dto.js';

const NULLABLE_TIME = { type: String, format: 'date-time', nullable: true } as const;

export class WebhookResponse {
  @ApiProperty({ example: 'wh_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'https://example.com/hooks/latchkey' })
  url: string;

  @ApiProperty({ type: [String], example: ['key.rotated'] })
  events: string[];

  @ApiProperty({ type: String, nullable: true })
  description: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'The key that it is a notification channel of; `null` for one of the organization.',
  })
  key_id: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The team whose keys it hears of; `null` for one of no team.',
  })
  team_id: string | null;

  @ApiProperty({ enum: WEBHOOK_STATUSES })
  status: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Why it was disabled, where that was not done by somebody.',
  })
  status_reason: string | null;

  @ApiProperty({
    ...NULLABLE_TIME,
    description: 'When the first of the messages failed that have all failed since.',
  })
  failing_since: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;
}

export class WebhookWithSecretResponse extends WebhookResponse {
  @ApiProperty({
    example: 'whsec_EXAMPLE',
    description: 'What messages are signed with. It is shown this once.',
  })
  secret: string;
}

export class WebhookListResponse {
  @ApiProperty({ type: [WebhookResponse] })
  data: WebhookResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedWebhookResponse {
  @ApiProperty({ example: 'wh_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}

export class WebhookTestResponse {
  @ApiProperty({ description: 'Whether it answered with a status from 200 to 299, in time.' })
  delivered: boolean;

  @ApiProperty({ type: Number, nullable: true, example: 204 })
  response_status: number | null;

  @ApiProperty({ example: 87 })
  latency_ms: number;

  @ApiProperty({ type: String, nullable: true, example: null })
  error: string | null;
}

export class DeliveryResponse {
  @ApiProperty({ example: 'dlv_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'msg_4fTqV0mZx1sLwq8nE2bYcA', description: 'Sent as `webhook-id`.' })
  event_id: string;

  @ApiProperty({ example: 'key.rotated' })
  type: string;

  @ApiProperty({ enum: DELIVERY_STATUSES })
  status: string;

  @ApiProperty({ example: 1, description: 'Since it was made, or replayed.' })
  attempts: number;

  @ApiProperty({ type: Number, nullable: true, example: 204, description: 'Of the last attempt.' })
  response_status: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Of the last attempt.' })
  error: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty(NULLABLE_TIME)
  attempted_at: string | null;

  @ApiProperty({ ...NULLABLE_TIME, description: 'While it is pending.' })
  next_attempt_at: string | null;
}

export class DeliveryListResponse {
  @ApiProperty({ type: [DeliveryResponse] })
  data: DeliveryResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}
