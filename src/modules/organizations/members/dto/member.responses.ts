import { ApiProperty } from '@nestjs/swagger';

import { NULLABLE_TEXT_RESPONSE, STANDINGS, TIME_RESPONSE } from '../../structure.fields.js';
import { TEAM_ROLES } from '../../teams/teams.port.js';

class TeamOfMember {
  @ApiProperty({ example: 'team_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'Platform' })
  name: string;

  @ApiProperty({ enum: TEAM_ROLES })
  role: string;

  @ApiProperty()
  can_manage_keys: boolean;
}

export class MemberResponse {
  @ApiProperty({ example: 'user_4fTqV0mZx1sLwq8nE2bYcA', description: 'The user’s.' })
  id: string;

  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ example: 'Ada' })
  name: string;

  @ApiProperty({ example: 'developer', description: 'A built-in role, or the id of another.' })
  role: string;

  @ApiProperty({
    enum: STANDINGS,
    description: '`suspended`, in this organization or everywhere: they get nothing here.',
  })
  status: string;

  @ApiProperty({ type: [TeamOfMember] })
  teams: TeamOfMember[];

  @ApiProperty({ ...TIME_RESPONSE, description: 'When they became a member.' })
  created_at: string;
}

export class MemberListResponse {
  @ApiProperty({ type: [MemberResponse] })
  data: MemberResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}

export class UserStandingResponse {
  @ApiProperty({ example: 'user_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ enum: STANDINGS, description: 'What was set.' })
  status: string;

  @ApiProperty({ description: 'Whether that is so in every organization.' })
  everywhere: boolean;
}
