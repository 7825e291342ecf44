import { ApiProperty } from '@nestjs/swagger';

import { type Environment, ENVIRONMENTS } from '#common/auth/principal.js';

class EnvironmentRulesResponse {
  @ApiProperty()
  require_ip_list: boolean;

  @ApiProperty()
  require_expiry: boolean;

  @ApiProperty({ type: Number, nullable: true, example: 90 })
  max_lifetime_days: number | null;

  @ApiProperty()
  require_signature: boolean;

  @ApiProperty()
  require_approval: boolean;

  @ApiProperty({ type: [String], nullable: true, example: ['203.0.113.0/24'] })
  allowed_networks: string[] | null;

  @ApiProperty({ type: [String], example: [] })
  denied_networks: string[];
}

export class EnvironmentResponse {
  @ApiProperty({ enum: ENVIRONMENTS, example: 'production' })
  environment: Environment;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    description: 'What new keys start with, in the canonical spelling; only what is said.',
  })
  defaults: Record<string, unknown>;

  @ApiProperty({ type: EnvironmentRulesResponse })
  rules: EnvironmentRulesResponse;

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
