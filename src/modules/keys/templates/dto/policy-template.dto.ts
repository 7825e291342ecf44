import { PartialType, PickType } from '@nestjs/swagger';

import { Text } from '#common/validation/fields.js';

import { MAX_NAME_LENGTH, PolicyPart } from '../../dto/create-key.dto.js';

/** No name looks like an id. */
const NAME = /^(?!pol_)/;

export class CreatePolicyDto {
  @Text({
    description: 'What keys and other policies name it by: unique, and not beginning with `pol_`.',
    example: 'team_default',
    max: MAX_NAME_LENGTH,
    pattern: NAME,
  })
  name: string;

  @Text({
    description: 'What it is for.',
    example: 'What every team starts with.',
    max: 1_000,
    optional: true,
    nullable: true,
  })
  description?: string | null;

  @Text({
    description:
      'The policy that it is built upon, by name or id; at most ten stand one upon the other.',
    example: 'company',
    max: MAX_NAME_LENGTH,
    optional: true,
    nullable: true,
  })
  inherit_from?: string | null;

  @PolicyPart('permissions', 'As of a key.')
  permissions?: Record<string, unknown>;

  @PolicyPart('restrictions', 'As of a key.')
  restrictions?: Record<string, unknown>;

  @PolicyPart('rate_limits', 'As of a key.')
  rate_limits?: Record<string, unknown>;

  @PolicyPart('security', 'As of a key.')
  security?: Record<string, unknown>;
}

export class ChangePolicyDto extends PartialType(
  PickType(CreatePolicyDto, [
    'name',
    'description',
    'inherit_from',
    'permissions',
    'restrictions',
    'rate_limits',
    'security',
  ]),
) {}
