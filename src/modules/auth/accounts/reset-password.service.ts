import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { Users } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ConfirmPasswordResetDto } from './dto/account.dto.js';
import { newPassword } from './new-password.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordResetRepository } from './password-reset.repository.js';
import { SetPasswordService } from './set-password.service.js';

@Injectable()
export class ResetPasswordService {
  constructor(
    private readonly users: Users,
    private readonly hasher: PasswordHasher,
    private readonly resets: PasswordResetRepository,
    private readonly setPassword: SetPasswordService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Sets the password of whoever was mailed the token, once. All of their sessions end.
   * @throws {AppError} `invalid_credentials` for a token that is unknown, used or too old; `invalid_request`;
   * `service_unavailable`
   */
  async reset(dto: ConfirmPasswordResetDto): Promise<void> {
    const token = new Secret(dto.token);
    const now = new Date(this.clock.now());
    const userId = await this.resets.findUserAcrossTenants(token, now);
    const user = userId === null ? null : await this.users.findAcrossTenants(userId);
    if (!user) throw badToken();
    const hash = await this.hasher.hash(newPassword(dto.password, user.email, 'password'));
    await this.transactions.run(async () => {
      if (!(await this.resets.useAcrossTenants(token, now))) throw badToken();
      await this.setPassword.set(user.id, hash, 'user.password_reset', null);
    });
  }
}

function badToken(): AppError {
  return new AppError('invalid_credentials', {
    message: 'This token is wrong, used or older than an hour. Ask for another.',
    param: 'token',
  });
}
