import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';

import { DescribedRequestDto } from './described-request.dto.js';

const MAX_KEY_LENGTH = 512;

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
}
