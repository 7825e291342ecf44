import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { ENVIRONMENTS } from '#common/auth/principal.js';
import { ACCESS_LEVELS, SCOPES } from '#common/auth/scopes.js';
import { ERROR_CODES } from '#common/errors/error-codes.js';

import { OUTCOMES } from '../../domain/explain.js';
import { LimitStateResponse } from '../../dto/key-limits.response.js';

const CODE = { type: String, enum: Object.keys(ERROR_CODES), nullable: true } as const;

export class VerifiedKeyResponse {
  @ApiProperty({
    description: 'Whether the key may be used, and for the request, if one is given.',
  })
  valid: boolean;

  @ApiProperty({
    ...CODE,
    description: 'The code of the refusal that the key would get; `null` where it is valid.',
  })
  code: string | null;

  @ApiPropertyOptional({
    description: 'Absent for what is no key of your organization. All that follows: of valid keys.',
    example: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  })
  key_id?: string;

  @ApiPropertyOptional({ example: 'backend' })
  name?: string;

  @ApiPropertyOptional({ enum: ENVIRONMENTS })
  environment?: string;

  @ApiPropertyOptional({ type: String, enum: ACCESS_LEVELS, nullable: true })
  access_level?: string | null;

  @ApiPropertyOptional({ enum: SCOPES, isArray: true })
  scopes?: string[];

  @ApiPropertyOptional({ type: String, format: 'date-time', nullable: true })
  expires_at?: string | null;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  metadata?: Record<string, unknown>;

  @ApiPropertyOptional({
    description:
      'Whether the key is worth nothing by itself: its requests must be signed, which is not looked at here.',
  })
  requires_signature?: boolean;

  @ApiPropertyOptional({
    type: [LimitStateResponse],
    description:
      'Of a key that is valid, or refused by one of them: the limits and budgets that bind its calls, those of the request’s model where one is named. As `GET /v1/keys/{id}/limits` gives them, after what was consumed.',
  })
  limits?: LimitStateResponse[];
}

class TraceEntryResponse {
  @ApiProperty({ example: 'model' })
  rule: string;

  @ApiProperty({
    enum: OUTCOMES,
    description:
      '`not_restricted`: the key has no such restriction. `not_evaluated`: the request does not say, or does not have, what the rule looks at; `detail` names the field to give.',
  })
  outcome: string;

  @ApiProperty({ description: 'What the key has and what the request brings, in words.' })
  detail: string;

  @ApiPropertyOptional({
    type: LimitStateResponse,
    description: 'Of the rule `limit`, where it is about one: how it stands.',
  })
  limit?: LimitStateResponse;
}

export class SimulatedRequestResponse {
  @ApiProperty({ enum: ['allow', 'deny'] })
  decision: 'allow' | 'deny';

  @ApiProperty({ example: 403, description: 'The status of the refusal; 200 for none.' })
  status: number;

  @ApiProperty({ ...CODE, description: 'The code of the refusal; `null` for none.' })
  code: string | null;

  @ApiProperty({
    type: [TraceEntryResponse],
    description:
      'Every rule, in the order in which refusals are reported, and last an entry `limit` for each limit that binds the call. The first `deny` decides.',
  })
  trace: TraceEntryResponse[];
}
