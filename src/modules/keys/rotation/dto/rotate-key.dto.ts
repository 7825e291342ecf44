import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';

import { NumberBetween, Time } from '#common/validation/fields.js';

import { DEFAULT_GRACE_HOURS, MAX_GRACE_HOURS } from '../cut-off.js';

export class RotateKeyDto {
  @ApiPropertyOptional({
    type: Boolean,
    description: '`true`: the old secrets end at once, as with `grace_period_hours: 0`.',
  })
  @IsOptional()
  @IsBoolean()
  invalidate_old?: boolean;

  @NumberBetween({
    description: `How long the old secrets are good yet, in hours; ${DEFAULT_GRACE_HOURS} unless said. 0 is for emergencies: they end at once.`,
    example: 24,
    min: 0,
    max: MAX_GRACE_HOURS,
    optional: true,
  })
  grace_period_hours?: number;
}

export class MoveCutOffDto {
  @Time({
    description: `When the old secrets end: earlier or later than planned, now at the earliest, at most ${MAX_GRACE_HOURS} hours ahead, and never after the key itself.`,
    example: '2026-11-23T09:00:00Z',
  })
  old_key_expires_at: Date;
}
