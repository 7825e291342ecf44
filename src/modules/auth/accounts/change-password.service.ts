import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { Users } from '#modules/organizations/index.js';

import type { CallingSession } from '../sessions/calling-session.decorator.js';
import { CheckPasswordService } from './check-password.service.js';
import type { ChangePasswordDto } from './dto/account.dto.js';
import { newPassword } from './new-password.js';
import { PasswordHasher } from './password-hasher.js';
import { SetPasswordService } from './set-password.service.js';

@Injectable()
export class ChangePasswordService {
  constructor(
    private readonly users: Users,
    private readonly checkPassword: CheckPasswordService,
    private readonly hasher: PasswordHasher,
    private readonly setPassword: SetPasswordService,
  ) {}

  /**
   * Whoever else has got in, by the old password or a mail, is out: all other sessions end.
   * @param address the client's
   * @throws {AppError} as `CheckPasswordService`; `invalid_request`
   */
  async change(
    { userId, view }: CallingSession,
    { current_password, new_password }: ChangePasswordDto,
    address: string,
  ): Promise<void> {
    const user = await this.users.findAcrossTenants(userId);
    if (!user) throw new AppError('invalid_credentials');
    const chosen = newPassword(new_password, user.email, 'new_password');
    await this.checkPassword.check(user.email, new Secret(current_password), address);
    const hash = await this.hasher.hash(chosen);
    await this.setPassword.set(userId, hash, 'user.password_changed', view.secretId);
  }
}
