import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { type User, Users } from '#modules/organizations/index.js';

import { assertNotSuspended } from '../sessions/suspended.js';
import { AccountAttempts } from './account-attempts.js';
import { PasswordHasher } from './password-hasher.js';
import { RecordRefusedLogIn } from './record-refused-log-in.js';
import { ReportLockOutService } from './report-lock-out.service.js';

@Injectable()
export class CheckPasswordService {
  constructor(
    private readonly users: Users,
    private readonly hasher: PasswordHasher,
    private readonly attempts: AccountAttempts,
    private readonly refusals: RecordRefusedLogIn,
    private readonly lockOuts: ReportLockOutService,
  ) {}

  /**
   * Who has this address and password.
   * @param address the client's
   * @throws {AppError} `invalid_credentials`, whichever of the two is wrong; `key_disabled` for somebody who is suspended,
   * and has the right password; `rate_limit_exceeded`; `service_unavailable`
   */
  async check(email: string, password: Secret, address: string): Promise<User> {
    const { giveBack, locksForSeconds } = await this.attempts.begin(email, address);
    const user = await this.users.findByEmailAcrossTenants(email);
    // Asked in any case, so that an address that nobody has is found out no sooner.
    const stored = await this.users.passwordHashOf(user?.id ?? '');
    if (!(await this.#verify(stored, password, giveBack)) || !user || !stored) {
      if (user) this.refusals.refused(user.id);
      if (user && locksForSeconds !== null) this.lockOuts.report(user.id, locksForSeconds);
      throw new AppError('invalid_credentials');
    }
    giveBack();
    if (this.hasher.isOutdated(stored)) {
      await this.users.setPasswordHash(user.id, await this.hasher.hash(password));
    }
    assertNotSuspended(user.status === 'suspended' ? 'account' : null);
    return user;
  }

  async #verify(stored: Secret | null, password: Secret, giveBack: () => void): Promise<boolean> {
    try {
      return await this.hasher.verify(stored, password);
    } catch (error) {
      // Nobody has looked whether it is right.
      giveBack();
      throw error;
    }
  }
}
