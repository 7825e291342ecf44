import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';

import { AccessControl } from './access-control.js';
import { type AccessAttempt, AppPassport } from './app-passport.js';
import { CredentialStrategy } from './credential.strategy.js';

/** An API key in `Authorization`. It never passes: a caller without any credential is told that the key is missing. */
@Injectable()
export class BearerKeyStrategy extends CredentialStrategy {
  constructor(
    passport: AppPassport,
    private readonly access: AccessControl,
  ) {
    super(passport, 'bearer');
  }

  override validate({ raw, response, endpoint }: AccessAttempt): Principal | Promise<Principal> {
    return this.access.admit(raw, response, endpoint);
  }
}
