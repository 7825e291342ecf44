import { ApiProperty } from '@nestjs/swagger';

import type { LimitState } from '#modules/limits/index.js';

export class LimitStateResponse implements LimitState {
  @ApiProperty({ enum: ['key', 'user', 'team', 'project', 'organization'] })
  subject!: string;

  @ApiProperty()
  subject_id!: string;

  @ApiProperty({
    enum: [
      'requests',
      'input_tokens',
      'output_tokens',
      'total_tokens',
      'cost',
      'parallel_requests',
    ],
  })
  metric!: string;

  @ApiProperty({ enum: ['second', 'minute', 'hour', 'day', 'week', 'month', 'none'] })
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
