import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsNumber, IsOptional, Max, Min } from 'class-validator';

import { OneOf, Text, TextList } from '#common/validation/fields.js';

import { MAX_CHANNELS } from '../domain/channel-address.js';
import { ROTATION_STRATEGIES, type RotationStrategy } from '../key-rotation.js';

const MAX_GRACE_HOURS = 720;

export class SetRotationDto {
  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: '`false`: the schedule is kept, and nothing is rotated.',
  })
  @IsOptional()
  @IsBoolean()
  enabled?: boolean;

  @Text({
    description:
      'When the key is rotated: a cron expression of five fields (minute, hour, day of month, month, day of week), not more often than hourly.',
    example: '0 3 1 * *',
    max: 100,
  })
  schedule: string;

  @Text({
    description: 'IANA name of the time zone that `schedule` is read in. `UTC` unless said.',
    example: 'Europe/Berlin',
    max: 64,
    optional: true,
  })
  time_zone?: string;

  @OneOf({
    description:
      '`gradual`, unless said: old and new secret are good side by side for the grace period. `immediate`: the old one ends when there is a new one.',
    values: ROTATION_STRATEGIES,
    optional: true,
  })
  strategy?: RotationStrategy;

  @TextList({
    description:
      'Who hears of this key: `email:` and an address, or `webhook:` and an https URL. Those that are not on the list hear of it no more.',
    example: ['email:security@example.com', 'webhook:https://api.example.com/key-rotation'],
    maxItems: MAX_CHANNELS,
    maxLength: 2_100,
    optional: true,
  })
  notification_channels?: string[];

  @ApiPropertyOptional({
    type: Number,
    minimum: 0,
    maximum: MAX_GRACE_HOURS,
    default: 24,
    description:
      'How long the old secret stays good after a rotation. 0 goes with `immediate` alone, which has no grace period whatever is said.',
  })
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(MAX_GRACE_HOURS)
  grace_period_hours?: number;

  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description:
      'Whether who has the old secret may claim the new one, at `POST /v1/key/claim`. Else that takes a key with `keys:write`.',
  })
  @IsOptional()
  @IsBoolean()
  auto_update_apps?: boolean;
}
