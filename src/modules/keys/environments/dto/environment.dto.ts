import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateNested } from 'class-validator';

import { Flag, Int, TextList } from '#common/validation/fields.js';

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

const MAX_NETWORKS = 100;
/** About ten years. */
const MAX_LIFETIME_DAYS = 3_660;

export class EnvironmentRulesDto {
  @Flag({
    description: 'A key must have a list of networks that it may be used from.',
    optional: true,
  })
  require_ip_list?: boolean | null;

  @Flag({ description: 'A key must expire.', optional: true })
  require_expiry?: boolean | null;

  @Int({
    description: 'A key must expire at most so many days after it was made.',
    min: 1,
    max: MAX_LIFETIME_DAYS,
    example: 90,
    optional: true,
  })
  max_lifetime_days?: number | null;

  @Flag({ description: 'A key must require signed requests.', optional: true })
  require_signature?: boolean | null;

  @Flag({
    description:
      'Somebody else must approve a new key, and whatever gives a key more. Keys that are there already go on.',
    optional: true,
  })
  require_approval?: boolean | null;

  @TextList({
    description:
      'Addresses and CIDRs that calls with keys of the environment must come from, whatever a key’s own list says.',
    minItems: 1,
    maxItems: MAX_NETWORKS,
    maxLength: 64,
    example: ['203.0.113.0/24'],
    optional: true,
  })
  allowed_networks?: string[] | null;

  @TextList({
    description: 'Addresses and CIDRs that no call with a key of the environment may come from.',
    maxItems: MAX_NETWORKS,
    maxLength: 64,
    example: ['10.0.0.0/8'],
    optional: true,
  })
  denied_networks?: string[] | null;
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

  @ApiPropertyOptional({
    type: EnvironmentRulesDto,
    description:
      'What all keys of the environment keep to, also those that are there already: from the next second on the others are refused. Master keys excepted. None where it is left out.',
  })
  @IsOptional()
  @IsObject()
  @Type(() => EnvironmentRulesDto)
  @ValidateNested()
  rules?: EnvironmentRulesDto | null;
}
