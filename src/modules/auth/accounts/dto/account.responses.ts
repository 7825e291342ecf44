import { ApiProperty } from '@nestjs/swagger';

import { SCOPES } from '#common/auth/scopes.js';

const TIME = { type: String, format: 'date-time' } as const;

class UserResponse {
  @ApiProperty({ example: 'user_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ example: 'Ada' })
  name: string;

  @ApiProperty(TIME)
  created_at: string;
}

class AccountOrganizationResponse {
  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'Analytical Engines' })
  name: string;
}

export class SessionResponse {
  @ApiProperty({ type: UserResponse })
  user: UserResponse;

  @ApiProperty({
    example: `lks_${'EXAMPLE'.repeat(6)}0`,
    description:
      'For `Authorization: Bearer`; browsers have it in a cookie. It is shown this once and can’t be had again.',
  })
  token: string;

  @ApiProperty({ ...TIME, description: 'It ends earlier when it is not used for 24 hours.' })
  expires_at: string;

  @ApiProperty({
    description:
      'With the cookie, what `x-csrf-token` must say on each call that changes something.',
  })
  csrf_token: string;
}

export class OrganizationSessionResponse extends SessionResponse {
  @ApiProperty({ type: AccountOrganizationResponse })
  organization: AccountOrganizationResponse;
}

class MembershipResponse {
  @ApiProperty({ example: 'org_4fTqV0mZx1sLwq8nE2bYcA' })
  organization_id: string;

  @ApiProperty({ example: 'Analytical Engines' })
  organization_name: string;

  @ApiProperty({
    example: 'owner',
    description:
      '`owner`, `admin`, `developer`, `billing`, `auditor`, `viewer`, or the id of a role.',
  })
  role: string;

  @ApiProperty({ description: 'The account or the organization is.' })
  suspended: boolean;
}

export class CallingUserResponse {
  @ApiProperty({ type: UserResponse })
  user: UserResponse;

  @ApiProperty({ type: AccountOrganizationResponse, description: 'That the session is for.' })
  organization: AccountOrganizationResponse;

  @ApiProperty({ example: 'owner', description: 'In this organization.' })
  role: string;

  @ApiProperty({ enum: SCOPES, isArray: true, description: 'What that role may do.' })
  scopes: string[];

  @ApiProperty({ type: [MembershipResponse], description: 'All of the user’s.' })
  memberships: MembershipResponse[];

  @ApiProperty({ description: 'As the login has answered it.' })
  csrf_token: string;

  @ApiProperty({ ...TIME, description: 'Of the session.' })
  expires_at: string;
}

export class LoggedOutResponse {
  @ApiProperty({ example: true })
  logged_out: true;
}

export class PasswordChangedResponse {
  @ApiProperty({ example: true })
  changed: true;
}

export class PasswordResetRequestedResponse {
  @ApiProperty({ example: true, description: 'Whether or not somebody has this address.' })
  requested: true;
}
