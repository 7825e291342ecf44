import { ApiProperty } from '@nestjs/swagger';

import { NULLABLE_TEXT_RESPONSE, STANDINGS, TIME_RESPONSE } from '../../structure.fields.js';

export class ServiceAccountResponse {
  @ApiProperty({ example: 'sa_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'nightly-batch' })
  name: string;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  description: string | null;

  @ApiProperty({ ...NULLABLE_TEXT_RESPONSE, description: 'The team that it is in for good.' })
  team_id: string | null;

  @ApiProperty({ example: 'developer', description: 'What its keys may do at most.' })
  role: string;

  @ApiProperty({ enum: STANDINGS })
  status: string;

  @ApiProperty({
    example: 'user_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'Who made it: a key, or a user in a session.',
  })
  created_by: string;

  @ApiProperty(TIME_RESPONSE)
  created_at: string;

  @ApiProperty(TIME_RESPONSE)
  updated_at: string;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;
}

export class ServiceAccountListResponse {
  @ApiProperty({ type: [ServiceAccountResponse] })
  data: ServiceAccountResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
