import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateNested } from 'class-validator';

import { PolicyPart } from '../../dto/create-key.dto.js';

export class EnvironmentDefaultsDto {
  @PolicyPart('permissions', 'As of a key.')
  permissions?: Record<string, unknown> | null;

  @PolicyPart('restrictions', 'As of a key.')
  restrictions?: Record<string, unknown> | null;

  @PolicyPart('rate_limits', 'As of a key.')
  rate_limits?: Record<string, unknown> | null;

  @PolicyPart('security', 'As of a key.')
  security?: Record<string, unknown> | null;
}

export class SetEnvironmentDto {
  @ApiPropertyOptional({
    type: EnvironmentDefaultsDto,
    description:
      'What a new key of the environment has of each field that neither its request nor its policy says, as far as whoever makes it has that. None where it is left out.',
  })
  @IsOptional()
  @IsObject()
  @Type(() => EnvironmentDefaultsDto)
  @ValidateNested()
  defaults?: EnvironmentDefaultsDto | null;
}
