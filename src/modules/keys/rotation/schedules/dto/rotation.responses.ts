import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { SecretsResponse } from '../../dto/rotate-key.responses.js';
import {
  ROTATION_STRATEGIES,
  type RotationStrategy,
  SKIP_REASONS,
  type SkipReason,
} from '../key-rotation.js';

export class RotationResponse extends SecretsResponse {
  @ApiProperty({ description: 'Whether the key is rotated by itself.' })
  enabled: boolean;

  @ApiProperty({ type: String, nullable: true, description: '`null`: it has no schedule.' })
  schedule: string | null;

  @ApiProperty({ type: String, nullable: true })
  time_zone: string | null;

  @ApiProperty({ enum: ROTATION_STRATEGIES, nullable: true })
  strategy: RotationStrategy | null;

  @ApiProperty({ type: [String] })
  notification_channels: string[];

  @ApiProperty({ type: Number, nullable: true })
  grace_period_hours: number | null;

  @ApiProperty()
  auto_update_apps: boolean;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  next_rotation_at: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the schedule rotated the key last.',
  })
  last_rotation_at: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'user_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'The person or the key that set the schedule last, and for whom it acts.',
  })
  set_by: string | null;

  @ApiProperty({
    type: String,
    enum: SKIP_REASONS,
    nullable: true,
    description:
      'Why its next rotation would be skipped, as things are; `null`: nothing is in its way.',
  })
  blocked_by: SkipReason | null;
}

class NewChannelResponse {
  @ApiProperty({ example: 'webhook:https://api.example.com/key-rotation' })
  address: string;

  @ApiProperty({
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    description: 'What its messages are signed with (Standard Webhooks). Shown this once.',
  })
  signing_secret: string;
}

export class SetRotationResponse extends RotationResponse {
  @ApiPropertyOptional({
    type: [NewChannelResponse],
    description: 'The webhooks that are new.',
  })
  channels?: NewChannelResponse[];

  @ApiProperty({ type: [String], description: 'What you may not have meant.' })
  warnings: string[];
}

export class EndedRotationResponse {
  @ApiProperty({ example: 'key_4fTqV0mZx1sLwq8nE2bYcA', description: 'Of the key.' })
  id: string;

  @ApiProperty({ example: true })
  deleted: boolean;
}
