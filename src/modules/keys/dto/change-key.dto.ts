import { ApiPropertyOptional, PartialType, PickType } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';

import { Text, Time } from '#common/validation/fields.js';

import { CreateKeyDto } from './create-key.dto.js';

const WHEN = { max: 40, optional: true } as const;

/** The fields of a new key that can be changed. The environment can’t: the secret itself says it. */
export class UpdateKeyDto extends PartialType(
  PickType(CreateKeyDto, [
    'name',
    'type',
    'scope',
    'members',
    'access_level',
    'scopes',
    'permissions',
    'restrictions',
    'rate_limits',
    'security',
    'metadata',
  ]),
) {
  @Time({
    description: 'From then on the key is refused. `null`: as the key that makes this change.',
    example: '2027-12-31T23:59:59Z',
    optional: true,
    nullable: true,
  })
  expires_at?: Date | null;
}

export class DisableKeyDto {
  @Text({
    description: 'Why; kept with the key.',
    example: 'odd traffic',
    max: 500,
    optional: true,
  })
  reason?: string;

  @Text({
    description:
      'When it is enabled again by itself: after `30m`, `1h`, `7d`, or at an ISO 8601 time.',
    example: '1h',
    ...WHEN,
  })
  auto_enable_after?: string;
}

export class RevokeKeyDto {
  @Text({
    description: 'Why; kept with the key.',
    example: 'leaked in a log',
    max: 500,
    optional: true,
  })
  reason?: string;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: '`false`: at `revoke_at`, or after `revoke_after`.',
  })
  @IsOptional()
  @IsBoolean()
  revoke_immediately?: boolean;

  @Text({ description: 'An ISO 8601 time.', example: '2026-12-01T00:00:00Z', ...WHEN })
  revoke_at?: string;

  @Text({ description: 'A duration; `24h` unless said.', example: '24h', ...WHEN })
  revoke_after?: string;
}
