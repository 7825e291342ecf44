import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class ModelResponse {
  @ApiProperty({ example: 'gpt-4o-mini' })
  id: string;

  @ApiProperty({ enum: ['model'] })
  object: 'model';

  @ApiProperty({
    example: 1_795_251_600,
    description: 'Since when it is routed, in seconds since 1970.',
  })
  created: number;

  @ApiProperty({ example: 'openai', description: 'The provider that is tried first.' })
  owned_by: string;

  @ApiPropertyOptional({ example: 128_000 })
  context_length?: number;

  @ApiPropertyOptional({ example: 16_384 })
  max_output_tokens?: number;
}

export class ModelListResponse {
  @ApiProperty({ enum: ['list'] })
  object: 'list';

  @ApiProperty({ type: [ModelResponse] })
  data: ModelResponse[];
}
