import { Injectable } from '@nestjs/common';

import { newId, randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { PersonalMail } from '#modules/notifications/index.js';
import { Users } from '#modules/organizations/index.js';

import { PasswordResetRepository } from './password-reset.repository.js';

/** 256 bits. */
const TOKEN_LENGTH = 43;
const RESET_MS = 3_600_000;

@Injectable()
export class SendPasswordResetService {
  constructor(
    private readonly users: Users,
    private readonly resets: PasswordResetRepository,
    private readonly mail: PersonalMail,
    private readonly clock: Clock,
  ) {}

  /** Makes the token only now: it is in the mail and nowhere else. Rejects when the mail server does not take it. */
  async send(userId: string): Promise<void> {
    const user = await this.users.findAcrossTenants(userId);
    if (user?.status !== 'active') return;
    const token = new Secret(`lkr_${randomBase62(TOKEN_LENGTH)}`);
    const now = this.clock.now();
    await this.resets.insert(userId, token, new Date(now), new Date(now + RESET_MS));
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
