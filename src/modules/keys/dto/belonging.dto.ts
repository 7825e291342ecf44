import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsObject,
  IsOptional,
  ValidateNested,
} from 'class-validator';

import { OneOf, Text, TextList } from '#common/validation/fields.js';

import {
  KEY_MEMBER_ROLES,
  KEY_TYPES,
  type KeyMemberRole,
  type KeyType,
} from '../domain/belonging.js';

const MAX_ID_LENGTH = 64;
const MAX_PROJECTS = 50;
const MAX_MEMBERS = 100;

export class KeyScopeDto {
  @Text({
    description: 'The organization, which is the caller’s.',
    example: 'org_4fTqV0mZx1sLwq8nE2bYcA',
    max: MAX_ID_LENGTH,
    optional: true,
  })
  organization_id?: string | null;

  @Text({
    description: 'The team that it belongs to.',
    example: 'team_4fTqV0mZx1sLwq8nE2bYcA',
    max: MAX_ID_LENGTH,
    optional: true,
    nullable: true,
  })
  team_id?: string | null;

  @Text({
    description:
      'The service account that it belongs to; the key is then of type `service`, within the account’s role and in its team.',
    example: 'sa_4fTqV0mZx1sLwq8nE2bYcA',
    max: MAX_ID_LENGTH,
    optional: true,
    nullable: true,
  })
  service_account_id?: string | null;

  @TextList({
    description: 'The projects that it is for. The first one counts in reports by project.',
    maxItems: MAX_PROJECTS,
    maxLength: MAX_ID_LENGTH,
    example: ['project_4fTqV0mZx1sLwq8nE2bYcA'],
    optional: true,
  })
  projects?: string[] | null;
}

export class KeyMemberDto {
  @Text({ description: 'Of a member of the organization.', max: MAX_ID_LENGTH })
  user_id: string;

  @OneOf({ description: 'What they are to the key.', values: KEY_MEMBER_ROLES })
  role: KeyMemberRole;

  @ApiProperty({ description: 'Whether they may change the key, and not only see it.' })
  @IsBoolean()
  can_manage_key: boolean;
}

/** Whom a key belongs to, as it is asked for. */
export class BelongingDto {
  @OneOf({
    description:
      '`personal`: the caller’s own, where the caller is somebody; it is revoked when they leave the organization. `team` needs `scope.team_id`. Unless said: `service` where `scope.service_account_id` says whose, else `personal`, or `team` where a key makes it that names or has a team.',
    values: KEY_TYPES,
    example: 'personal',
    optional: true,
  })
  type?: KeyType | null;

  @ApiPropertyOptional({ type: KeyScopeDto, description: 'What it belongs to.' })
  @IsOptional()
  @IsObject()
  @Type(() => KeyScopeDto)
  @ValidateNested()
  scope?: KeyScopeDto | null;

  @ApiPropertyOptional({
    type: [KeyMemberDto],
    maxItems: MAX_MEMBERS,
    description: 'Who sees it, whatever team they are in; they replace those that were.',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MAX_MEMBERS)
  @Type(() => KeyMemberDto)
  @ValidateNested({ each: true })
  members?: KeyMemberDto[] | null;
}
