import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';

import { Int, Usd } from '#common/validation/fields.js';

import { DescribedRequestDto, MOST_TOKENS } from './described-request.dto.js';

const MAX_KEY_LENGTH = 512;

/** What is taken of the key’s limits. */
export class ConsumeDto {
  @Int({ description: '1 unless said.', min: 0, max: 1_000_000, example: 1, optional: true })
  requests?: number | null;

  @Int({ description: '0 unless said.', min: 0, max: MOST_TOKENS, example: 1000, optional: true })
  input_tokens?: number | null;

  @Int({ description: '0 unless said.', min: 0, max: MOST_TOKENS, example: 500, optional: true })
  output_tokens?: number | null;

  @Usd({ description: 'USD; 0 unless said.', max: 9_000_000, example: 0.01, optional: true })
  cost_usd?: number | string | null;
}

export class VerifyKeyDto {
  /** Any text: one that is no key has an answer too, and is never kept or shown. */
  @ApiProperty({
    description: 'The key that was presented to you.',
    example: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
    maxLength: MAX_KEY_LENGTH,
    format: 'password',
  })
  @IsString()
  @MaxLength(MAX_KEY_LENGTH)
  key: string;

  @ApiPropertyOptional({
    type: DescribedRequestDto,
    description: 'What the key is to be used for. Without it only the key’s own state counts.',
  })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => DescribedRequestDto)
  request?: DescribedRequestDto;

  @ApiPropertyOptional({
    type: ConsumeDto,
    description:
      'Takes so much of the key’s limits, all together or nothing, if it is valid. Each call takes it again. Needs the scope `keys:write` besides. Without it nothing is taken.',
  })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ConsumeDto)
  consume?: ConsumeDto | null;
}
