import { ApiProperty } from '@nestjs/swagger';

class PriceResponse {
  @ApiProperty({ example: 0.15, description: 'USD per million tokens, up to nine places.' })
  input_per_million: number;

  @ApiProperty({ example: 0.6 })
  output_per_million: number;

  @ApiProperty({
    type: Number,
    example: 0.075,
    nullable: true,
    description: '`null`: the price of input.',
  })
  cached_input_per_million: number | null;
}

export class RouteResponse {
  @ApiProperty({ example: 'rte_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'gpt-4o-mini' })
  model: string;

  @ApiProperty({ example: 'prov_4fTqV0mZx1sLwq8nE2bYcA' })
  provider_id: string;

  @ApiProperty({ example: 'gpt-4o-mini' })
  upstream_model: string;

  @ApiProperty({ type: PriceResponse })
  price: PriceResponse;

  @ApiProperty({ example: 0 })
  priority: number;

  @ApiProperty({ example: 1 })
  weight: number;

  @ApiProperty({ type: Number, example: 128_000, nullable: true })
  context_length: number | null;

  @ApiProperty({ type: Number, example: 16_384, nullable: true })
  max_output_tokens: number | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;
}

export class RouteListResponse {
  @ApiProperty({ type: [RouteResponse] })
  data: RouteResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedRouteResponse {
  @ApiProperty({ example: 'rte_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}
