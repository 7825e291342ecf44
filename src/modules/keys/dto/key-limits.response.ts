import { ApiProperty } from '@nestjs/swagger';

import {
  type LimitState,
  METRICS,
  type Subject,
  SUBJECTS,
  WINDOWS,
} from '#modules/limits/index.js';

export class LimitStateResponse implements LimitState {
  @ApiProperty({ enum: SUBJECTS })
  subject!: Subject;

  @ApiProperty()
  subject_id!: string;

  @ApiProperty({ enum: METRICS })
  metric!: string;

  @ApiProperty({ enum: WINDOWS })
  window!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The models whose calls count; `null`: all.',
  })
  model!: string | null;

  @ApiProperty({ description: 'Of a limit per second: what may go at once.' })
  limit!: number;

  @ApiProperty()
  used!: number;

  @ApiProperty()
  reserved!: number;

  @ApiProperty()
  remaining!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  resets_at!: string | null;
}

export class KeyLimitsResponse {
  @ApiProperty({ type: [LimitStateResponse] })
  data!: LimitStateResponse[];
}
