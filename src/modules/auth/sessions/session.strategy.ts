import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import { AccessControl } from '../access-control.js';
import { type AccessAttempt, AppPassport } from '../app-passport.js';
import { CredentialStrategy } from '../credential.strategy.js';
import { presentedSession } from './presented-session.js';
import { SessionDirectory } from './session-directory.service.js';
import type { Session } from './session-reader.js';
import { SessionUses } from './session-uses.service.js';
import { assertNotSuspended } from './suspended.js';

/** Somebody who has logged in, by the token in `Authorization` or in the cookie. Models are called with keys only. */
@Injectable()
export class SessionStrategy extends CredentialStrategy {
  constructor(
    passport: AppPassport,
    private readonly access: AccessControl,
    private readonly sessions: SessionDirectory,
    private readonly uses: SessionUses,
    private readonly clock: Clock,
  ) {
    super(passport, 'session_token');
  }

  override validate({ raw, endpoint }: AccessAttempt): Principal | null | Promise<Principal> {
    const token = endpoint.kind === 'inference' ? null : presentedSession(raw);
    if (!token) return null;
    const found = this.sessions.find(token);
    return found instanceof Promise
      ? found.then((session) => this.#admit(raw, endpoint, session))
      : this.#admit(raw, endpoint, found);
  }

  #admit(
    request: IncomingMessage,
    endpoint: AccessAttempt['endpoint'],
    session: Session | null,
  ): Principal | Promise<Principal> {
    if (!session) return this.access.refuse(request, endedSession());
    assertNotSuspended(session.suspended);
    const now = this.clock.now();
    session.lastUsedAt = now;
    this.uses.note(session.id, now);
    return this.access.admitMember(request, endpoint, session.view);
  }
}

function endedSession(): AppError {
  return new AppError('invalid_credentials', {
    message: 'There is no such session, or it is over. Log in again.',
  });
}
