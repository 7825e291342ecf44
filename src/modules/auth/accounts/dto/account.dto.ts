import { MailAddress, Text } from '#common/validation/fields.js';

const NEW_PASSWORD = {
  description: '12 to 256 characters, of any kind, and not the mail address.',
  min: 12,
  max: 256,
} as const;
/** One that is there already: whether it is a good one is not the question. */
const PASSWORD = { description: 'As it is now.', max: 256 } as const;
const EMAIL = { description: 'In any case.', example: 'ada@example.com' } as const;

export class SignUpDto {
  @MailAddress(EMAIL)
  email: string;

  @Text(NEW_PASSWORD)
  password: string;

  @Text({ description: 'Of the person; the address unless said.', max: 120, optional: true })
  name?: string;

  @Text({
    description: 'Of the organization that is made; named after the person unless said.',
    max: 120,
    optional: true,
  })
  organization_name?: string;
}

export class LogInDto {
  @MailAddress(EMAIL)
  email: string;

  @Text(PASSWORD)
  password: string;

  @Text({
    description: 'Of several organizations, which one the session is for; the oldest unless said.',
    max: 64,
    optional: true,
  })
  organization_id?: string;
}

export class ChangePasswordDto {
  @Text(PASSWORD)
  current_password: string;

  @Text(NEW_PASSWORD)
  new_password: string;
}

export class RequestPasswordResetDto {
  @MailAddress(EMAIL)
  email: string;
}

export class ConfirmPasswordResetDto {
  @Text({ description: 'That was mailed.', max: 128 })
  token: string;

  @Text(NEW_PASSWORD)
  password: string;
}

export class AcceptInvitationDto {
  @Text({ description: 'Of a new account’s person.', max: 120, optional: true })
  name?: string;

  @Text({
    description:
      'Of the account with the invited address, or of the new one: then of 12 characters at least. Not needed with a session.',
    max: 256,
    optional: true,
  })
  password?: string;
}
