import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { Actors } from '#platform/audit-trail/actor.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import { EndSessionsService } from './end-sessions.service.js';
import { type IssuedSession, type SessionHolder, SessionIssuer } from './session-issuer.port.js';
import { SessionRepository } from './session.repository.js';
import { SESSION_MS } from './session-times.js';
import { csrfTokenOf, hashOfToken, newSessionToken } from './session-token.js';

/** Whoever logs in again and again, as programs do, ends their oldest. */
const MAX_SESSIONS_OF_USER = 50;
/** Characters. */
const MAX_AGENT_LENGTH = 256;
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

@Injectable()
export class IssueSessionService extends SessionIssuer {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly transactions: TransactionRunner,
    private readonly ends: EndSessionsService,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async issue({
    userId,
    organizationId,
    address,
    agent,
  }: SessionHolder): Promise<IssuedSession> {
    const token = newSessionToken();
    const now = this.clock.now();
    const session = {
      id: newId('session'),
      userId,
      organizationId,
      tokenHash: hashOfToken(token),
      lastUsedAt: new Date(now),
      expiresAt: new Date(now + SESSION_MS),
      address: orNull(address),
      agent: orNull(printable(agent ?? '')),
    };
    const { id, expiresAt } = session;
    await this.transactions.run(() =>
      this.actors.actAs(userId, id, async () => {
        await this.sessions.insert(session);
        await this.trail.append({
          organizationId,
          action: 'session.created',
          target: { type: 'session', id },
          after: { user_id: userId, expires_at: expiresAt.toISOString() },
        });
        await this.ends.endOldest(userId, MAX_SESSIONS_OF_USER);
      }),
    );
    return { id, token, csrfToken: csrfTokenOf(token), expiresAt };
  }
}

/** Some put a secret where it does not belong, so it is cleaned before it is cut. */
function printable(agent: string): string {
  return scrubSecrets(agent).replaceAll(UNPRINTABLE, '').slice(0, MAX_AGENT_LENGTH);
}

function orNull(text: string): string | null {
  return text === '' ? null : text;
}
