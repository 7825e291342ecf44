import { MailAddress, Text } from '#common/validation/fields.js';

import { ROLE_FIELD } from '../../members/dto/member.dto.js';

export class CreateInvitationDto {
  @MailAddress({
    description: 'Who is invited. Whoever accepts has an account with this address.',
    example: 'ada@example.com',
  })
  email: string;

  @Text(ROLE_FIELD)
  role: string;
}
