import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { PersonalMail } from '#modules/notifications/index.js';
import { Users } from '#modules/organizations/index.js';

import { OpenPasswordResetService } from './open-password-reset.service.js';

@Injectable()
export class SendPasswordResetService {
  constructor(
    private readonly users: Users,
    private readonly resets: OpenPasswordResetService,
    private readonly mail: PersonalMail,
  ) {}

  /**
   * Makes the token only now: it is in the mail and nowhere else. Rejects when the mail server does not take it.
   * @param requestId of the request that has asked for it
   */
  async send(userId: string, requestId: string | null): Promise<void> {
    const user = await this.users.findAcrossTenants(userId);
    if (user?.status !== 'active') return;
    const token = await this.resets.open(userId, requestId);
    await this.mail.send({
      id: newId('message'),
      type: 'account.password_reset',
      to: user.email,
      subject: 'Reset your password',
      lines: [
        'Somebody, you we hope, wants to set a new password for your account. With this token they can, once, within an hour:',
        token.reveal(),
        'Send it with the new password to POST /v1/auth/password-reset/confirm, as token and password. All of your sessions end then.',
        'If it was not you, do nothing: your password stays as it is.',
      ],
    });
  }
}
