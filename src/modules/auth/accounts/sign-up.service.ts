import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Users } from '#modules/organizations/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SessionIssuer } from '../sessions/session-issuer.port.js';
import { AccountAttempts } from './account-attempts.js';
import type { EnteredOrganization } from './account.view.js';
import type { Client } from './browsers.js';
import type { SignUpDto } from './dto/account.dto.js';
import { newPassword } from './new-password.js';
import { PasswordHasher } from './password-hasher.js';

@Injectable()
export class SignUpService {
  constructor(
    private readonly users: Users,
    private readonly hasher: PasswordHasher,
    private readonly attempts: AccountAttempts,
    private readonly sessions: SessionIssuer,
    private readonly transactions: TransactionRunner,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Makes an account, and an organization that it owns.
   * @throws {AppError} `operation_not_allowed` where nobody may; `conflict` for an address that somebody has;
   * `invalid_request`, `rate_limit_exceeded`, `service_unavailable`
   */
  async signUp(dto: SignUpDto, client: Client): Promise<EnteredOrganization> {
    if (!this.config.isSignupOpen) {
      throw new AppError('operation_not_allowed', {
        message: 'Nobody can sign up here. Ask somebody in your organization to invite you.',
      });
    }
    const { email } = dto;
    const password = newPassword(dto.password, email, 'password');
    await this.attempts.countCall(client.address);
    const passwordHash = await this.hasher.hash(password);
    const name = dto.name ?? email;
    const organizationName = dto.organization_name ?? `${name}’s organization`;
    return this.transactions.run(async () => {
      const user = await this.users.create({ email, name, passwordHash });
      const organizationId = await this.users.foundOrganization(organizationName, user.id);
      const session = await this.sessions.issue({ userId: user.id, organizationId, ...client });
      return { user, session, organization: { id: organizationId, name: organizationName } };
    });
  }
}
