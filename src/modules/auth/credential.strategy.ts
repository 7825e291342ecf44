import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';

import type { Principal } from '#common/auth/principal.js';

import type { AccessAttempt, AppPassport, StrategyName } from './app-passport.js';

type Verify = (
  attempt: AccessAttempt,
  done: (error: Error | null, principal?: Principal | null) => void,
) => void;

class VerifyingStrategy extends Strategy {
  constructor(
    protected readonly passport: AppPassport,
    readonly name: StrategyName,
    private readonly verify: Verify,
  ) {
    super();
  }

  authenticate(attempt: AccessAttempt): void {
    this.verify(attempt, (error, principal) => {
      if (error) this.error(error);
      else if (principal) this.success(principal);
      else this.fail();
    });
  }
}

/** A kind of credential by which callers are known. It makes itself known to its application's passport, and to no other. */
export abstract class CredentialStrategy extends PassportStrategy(VerifyingStrategy) {
  /**
   * `null` when the request has no credential of this kind.
   * @throws {AppError} it has one, and it does not do
   */
  abstract override validate(attempt: AccessAttempt): Principal | null | Promise<Principal | null>;

  /** Asked by the constructor of `PassportStrategy`, which would take the whole process's passport. */
  getPassportInstance(): AppPassport {
    return this.passport;
  }
}
