import { ApiProperty } from '@nestjs/swagger';

import { SCOPES } from '#common/auth/scopes.js';

import { NULLABLE_TEXT_RESPONSE, TIME_RESPONSE } from '../../structure.fields.js';

export class RoleResponse {
  @ApiProperty({
    example: 'role_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'What members and invitations name it by. A built-in role’s is its name.',
  })
  id: string;

  @ApiProperty({ example: 'Release manager' })
  name: string;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  description: string | null;

  @ApiProperty({ isArray: true, enum: SCOPES })
  scopes: string[];

  @ApiProperty({ description: 'Every organization has it, and nobody changes it.' })
  built_in: boolean;

  @ApiProperty({ ...TIME_RESPONSE, nullable: true })
  created_at: string | null;
}

export class RoleListResponse {
  @ApiProperty({ type: [RoleResponse] })
  data: RoleResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
