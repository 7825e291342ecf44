import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateNested } from 'class-validator';

import { Int, Text, Usd } from '#common/validation/fields.js';

/** Beyond this a price is a slip, such as nano-dollars given as dollars. */
const MAX_PRICE_USD = 1_000_000;
const MAX_MODEL_LENGTH = 200;
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/;
const MAX_TOKENS = 100_000_000;
const MAX_PRIORITY = 1_000;
const MAX_WEIGHT = 1_000;

const MODEL = {
  description: 'The name that callers use.',
  example: 'gpt-4o-mini',
  max: MAX_MODEL_LENGTH,
  pattern: MODEL_NAME,
};
const UPSTREAM_MODEL = {
  description: 'The name that the provider uses; the same unless said.',
  example: 'gpt-4o-mini',
  max: MAX_MODEL_LENGTH,
  pattern: MODEL_NAME,
  optional: true,
};
const PRIORITY = {
  description: 'Routes of one model are tried from the lowest number up; 0 unless said.',
  min: 0,
  max: MAX_PRIORITY,
  optional: true,
};
const WEIGHT = {
  description: 'Share among routes of the same priority; 1 unless said.',
  min: 1,
  max: MAX_WEIGHT,
  optional: true,
};
const CONTEXT_LENGTH = {
  description: 'Tokens that the model reads and writes together.',
  example: 128_000,
  min: 1,
  max: MAX_TOKENS,
  optional: true,
  nullable: true,
};
const MAX_OUTPUT_TOKENS = {
  description:
    'Tokens that the model writes at most. A call under a limit of money or tokens is reckoned with them; where nobody ' +
    'says, it is given `max_tokens` of 4,096 unless it names its own.',
  example: 16_384,
  min: 1,
  max: MAX_TOKENS,
  optional: true,
  nullable: true,
};

export class PriceDto {
  @Usd({ description: 'USD per million input tokens.', example: 0.15, max: MAX_PRICE_USD })
  input_per_million: string | number;

  @Usd({ description: 'USD per million output tokens.', example: 0.6, max: MAX_PRICE_USD })
  output_per_million: string | number;

  @Usd({
    description:
      'USD per million input tokens that the provider had cached; the price of input unless said.',
    example: 0.075,
    max: MAX_PRICE_USD,
    optional: true,
    nullable: true,
  })
  cached_input_per_million?: string | number | null;
}

export class CreateRouteDto {
  @Text(MODEL)
  model: string;

  @Text({ description: 'Where it goes.', example: 'prov_4fTqV0mZx1sLwq8nE2bYcA', max: 64 })
  provider_id: string;

  @Text(UPSTREAM_MODEL)
  upstream_model?: string;

  @ApiPropertyOptional({
    type: PriceDto,
    description:
      'May be left out for models of the shipped catalog, whose price and limits are then taken.',
  })
  @IsOptional()
  @IsObject()
  @Type(() => PriceDto)
  @ValidateNested()
  price?: PriceDto;

  @Int(PRIORITY)
  priority?: number;

  @Int(WEIGHT)
  weight?: number;

  @Int(CONTEXT_LENGTH)
  context_length?: number | null;

  @Int(MAX_OUTPUT_TOKENS)
  max_output_tokens?: number | null;
}

export class UpdateRouteDto {
  @Text({ ...MODEL, optional: true })
  model?: string;

  @Text({ ...UPSTREAM_MODEL, description: 'The name that the provider uses.' })
  upstream_model?: string;

  @ApiPropertyOptional({ type: PriceDto, description: 'Replaces the price as a whole.' })
  @IsOptional()
  @IsObject()
  @Type(() => PriceDto)
  @ValidateNested()
  price?: PriceDto;

  @Int(PRIORITY)
  priority?: number;

  @Int(WEIGHT)
  weight?: number;

  @Int({ ...CONTEXT_LENGTH, description: `${CONTEXT_LENGTH.description} \`null\`: not known.` })
  context_length?: number | null;

  @Int({
    ...MAX_OUTPUT_TOKENS,
    description: `${MAX_OUTPUT_TOKENS.description} \`null\`: not known.`,
  })
  max_output_tokens?: number | null;
}
