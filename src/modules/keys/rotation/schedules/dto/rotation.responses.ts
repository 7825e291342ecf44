import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { SecretsResponse } from '../../dto/rotate-key.responses.js';
import { ROTATION_STRATEGIES, type RotationStrategy } from '../key-rotation.js';

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
