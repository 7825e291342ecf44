import { ApiProperty } from '@nestjs/swagger';

import { type Feature, FEATURES } from '#modules/keys/index.js';
import type { UsageRecord } from '#modules/usage/index.js';

export type RequestOutcome = UsageRecord['outcome'];
export const OUTCOMES = ['completed', 'failed', 'aborted'] as const satisfies RequestOutcome[];
const USAGE_SOURCES = [
  'upstream',
  'counted',
  'none',
] as const satisfies UsageRecord['usageSource'][];

export class LoggedRequestResponse {
  @ApiProperty({ description: 'The `x-request-id` of its answer.' })
  id: string;

  @ApiProperty()
  key_id: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Whose own the key is now; `null`: nobody’s.',
  })
  user_id: string | null;

  @ApiProperty({ type: String, format: 'date-time', description: 'When it ended.' })
  occurred_at: string;

  @ApiProperty({ example: 'chat.completions', description: 'The operation that was called.' })
  surface: string;

  @ApiProperty({ description: 'As the caller named it.' })
  model: string;

  @ApiProperty({ type: String, nullable: true, description: '`null`: none was reached.' })
  provider: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The provider’s name of the model.' })
  upstream_model: string | null;

  @ApiProperty({ description: 'The HTTP status that the caller got; 499: it left before the end.' })
  status: number;

  @ApiProperty({ enum: OUTCOMES })
  outcome: RequestOutcome;

  @ApiProperty()
  stream: boolean;

  @ApiProperty({ enum: FEATURES, isArray: true })
  features: Feature[];

  @ApiProperty({ description: 'The cached ones included.' })
  input_tokens: number;

  @ApiProperty()
  cached_input_tokens: number;

  @ApiProperty({ description: 'Those of reasoning included.' })
  output_tokens: number;

  @ApiProperty()
  reasoning_tokens: number;

  @ApiProperty({ enum: USAGE_SOURCES, description: 'Who counted the tokens.' })
  usage_source: UsageRecord['usageSource'];

  @ApiProperty({ description: 'USD, up to nine places.' })
  cost: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The price that the cost was worked out with; `null`: nothing was charged.',
  })
  price_version: string | null;

  @ApiProperty({ description: 'From the request to the last byte of the answer.' })
  latency_ms: number;

  @ApiProperty({ type: Number, nullable: true, description: '`null`: no byte came.' })
  first_byte_ms: number | null;

  @ApiProperty({ description: 'Whether its body is kept.' })
  has_request_body: boolean;

  @ApiProperty({ description: 'Whether the body of its answer is kept.' })
  has_response_body: boolean;
}

export class RequestListResponse {
  @ApiProperty({ type: [LoggedRequestResponse] })
  data: LoggedRequestResponse[];

  @ApiProperty({
    description: 'A page may have fewer items than asked for, or none, and this be true.',
  })
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class KeptBodyResponse {
  @ApiProperty({ description: 'Its first 64 KiB. Of a stream, its events as they were sent.' })
  content: string;

  @ApiProperty({ description: 'Of the whole body.' })
  bytes: number;

  @ApiProperty({ description: 'Whether there was more than is kept.' })
  truncated: boolean;
}

export class LoggedRequestDetailsResponse extends LoggedRequestResponse {
  @ApiProperty({
    type: KeptBodyResponse,
    nullable: true,
    description: '`null`: not asked for, or not kept.',
  })
  request_body: KeptBodyResponse | null;

  @ApiProperty({
    type: KeptBodyResponse,
    nullable: true,
    description: '`null`: not asked for, or not kept.',
  })
  response_body: KeptBodyResponse | null;
}

export class DeletedRequestBodiesResponse {
  @ApiProperty({ description: 'The call’s; what is known of it otherwise stays.' })
  id: string;

  @ApiProperty({ description: 'How many bodies were deleted.' })
  deleted: number;
}

export class DeletedBodiesResponse {
  @ApiProperty({ description: 'How many bodies were deleted.' })
  deleted: number;

  @ApiProperty({ description: 'Whether there are more: call again.' })
  has_more: boolean;
}
