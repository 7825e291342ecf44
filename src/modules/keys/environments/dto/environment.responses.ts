import { ApiProperty } from '@nestjs/swagger';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';

export class EnvironmentResponse {
  @ApiProperty({ enum: ENVIRONMENTS, example: 'production' })
  environment: Environment;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What new keys start with, in the canonical spelling; only what is said.',
  })
  defaults: Record<string, unknown>;

  @ApiProperty({ example: 1, description: 'Grows by one with each change; 0 before the first.' })
  version: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The key, or the user, that changed it last.',
  })
  updated_by: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  updated_at: string | null;
}

export class EnvironmentListResponse {
  @ApiProperty({ type: [EnvironmentResponse] })
  data: EnvironmentResponse[];
}
