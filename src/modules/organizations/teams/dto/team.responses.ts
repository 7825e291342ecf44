import { ApiProperty } from '@nestjs/swagger';

import { NULLABLE_TEXT_RESPONSE, STANDINGS, TIME_RESPONSE } from '../../structure.fields.js';
import { TEAM_ROLES } from '../teams.port.js';

export class TeamResponse {
  @ApiProperty({ example: 'team_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'Platform' })
  name: string;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  description: string | null;

  @ApiProperty({ enum: STANDINGS })
  status: string;

  @ApiProperty(TIME_RESPONSE)
  created_at: string;
}

export class TeamListResponse {
  @ApiProperty({ type: [TeamResponse] })
  data: TeamResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}

export class TeamMemberResponse {
  @ApiProperty({ example: 'user_4fTqV0mZx1sLwq8nE2bYcA' })
  user_id: string;

  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ example: 'Ada' })
  name: string;

  @ApiProperty({ enum: TEAM_ROLES, description: 'What they are in the team.' })
  role: string;

  @ApiProperty()
  can_manage_keys: boolean;

  @ApiProperty({ ...TIME_RESPONSE, description: 'When they came into the team.' })
  created_at: string;
}

export class TeamMemberListResponse {
  @ApiProperty({ type: [TeamMemberResponse] })
  data: TeamMemberResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
