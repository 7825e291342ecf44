import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { type NewUser, type User, Users } from '#modules/organizations/index.js';

import { SessionDirectory } from '../sessions/session-directory.service.js';
import { assertNotSuspended } from '../sessions/suspended.js';
import { AccountAttempts } from './account-attempts.js';
import { CheckPasswordService } from './check-password.service.js';
import type { AcceptInvitationDto } from './dto/account.dto.js';
import { newPassword } from './new-password.js';
import { PasswordHasher } from './password-hasher.js';

/** As new passwords have. */
const MIN_LENGTH = 12;

/** Whether whoever has an invitation's token is who was invited. */
@Injectable()
export class ProveInvitedService {
  constructor(
    private readonly users: Users,
    private readonly directory: SessionDirectory,
    private readonly checkPassword: CheckPasswordService,
    private readonly hasher: PasswordHasher,
    private readonly attempts: AccountAttempts,
  ) {}

  /**
   * The account with the invited address, or what to make one of, where there is none.
   * @throws {AppError} `operation_not_allowed` for a session of somebody else; `invalid_credentials`; `key_disabled`;
   * `invalid_request` for what is missing; `rate_limit_exceeded`; `service_unavailable`
   */
  async prove(
    email: string,
    { name, password }: AcceptInvitationDto,
    address: string,
    session: Secret | null,
  ): Promise<User | NewUser> {
    if (session) return this.#bySession(email, session);
    const known = await this.users.findByEmailAcrossTenants(email);
    if (password === undefined) {
      const message = known
        ? 'There is an account with the invited address: log in, or send its password.'
        : 'Choose a password for your new account.';
      throw new AppError('invalid_request', { message, param: 'password' });
    }
    if (known) return this.checkPassword.check(email, new Secret(password), address);
    return this.#newUser(email, name ?? email, password, address);
  }

  async #bySession(email: string, token: Secret): Promise<User> {
    const session = await this.directory.find(token);
    const user = session && (await this.users.findAcrossTenants(session.userId));
    if (!user) throw new AppError('invalid_credentials', { message: 'Log in again.' });
    assertNotSuspended(user.status === 'suspended' ? 'account' : null);
    if (user.email === email) return user;
    throw new AppError('operation_not_allowed', {
      message: 'This invitation is for another mail address than that of your account.',
    });
  }

  async #newUser(email: string, name: string, text: string, address: string): Promise<NewUser> {
    if (text.length < MIN_LENGTH) {
      const message = `password must have at least ${MIN_LENGTH} characters.`;
      throw new AppError('invalid_request', { message, param: 'password' });
    }
    const password = newPassword(text, email, 'password');
    await this.attempts.countCall(address);
    return { email, name, passwordHash: await this.hasher.hash(password) };
  }
}
