import { ApiProperty } from '@nestjs/swagger';

import { NULLABLE_TEXT_RESPONSE, TIME_RESPONSE } from '../../structure.fields.js';

export const INVITATION_STATUSES = ['pending', 'expired'] as const;

export class InvitationResponse {
  @ApiProperty({ example: 'inv_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: 'ada@example.com', description: 'In lower case.' })
  email: string;

  @ApiProperty({ example: 'developer' })
  role: string;

  @ApiProperty({ enum: INVITATION_STATUSES })
  status: string;

  @ApiProperty({
    example: 'key_4fTqV0mZx1sLwq8nE2bYcA',
    description: 'The key or the user that has invited.',
  })
  invited_by: string;

  @ApiProperty(TIME_RESPONSE)
  created_at: string;

  @ApiProperty({ ...TIME_RESPONSE, description: 'It can be accepted until then.' })
  expires_at: string;
}

export class InvitationWithTokenResponse extends InvitationResponse {
  @ApiProperty({
    example: 'lki_EXAMPLE',
    description: 'What it is accepted with. It is shown this once: give it to the invited alone.',
  })
  token: string;
}

export class InvitationListResponse {
  @ApiProperty({ type: [InvitationResponse] })
  data: InvitationResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty(NULLABLE_TEXT_RESPONSE)
  next_cursor: string | null;
}
