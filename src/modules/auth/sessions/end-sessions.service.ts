import { Injectable } from '@nestjs/common';

import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import { type EndedSession, SessionRepository } from './session.repository.js';

/** Ended sessions are refused at once here, and on every other instance within a second. */
@Injectable()
export class EndSessionsService {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
    private readonly trail: AuditTrail,
  ) {}

  end(userId: string, sessionId: string): Promise<void> {
    return this.transactions.run(async () => {
      await this.#record(userId, await this.sessions.endAcrossTenants(userId, sessionId));
      // In any case: one that is gone already may be known here still.
      this.events.emit('auth.sessions-ended', { userId });
    });
  }

  /** @param exceptId of the session that stays; `null`: none */
  endAll(userId: string, exceptId: string | null): Promise<void> {
    return this.transactions.run(async () => {
      await this.#record(userId, await this.sessions.endAllAcrossTenants(userId, exceptId));
      this.events.emit('auth.sessions-ended', { userId });
    });
  }

  /** Of the user's sessions only the newest stay. */
  endOldest(userId: string, maxSessions: number): Promise<void> {
    return this.transactions.run(async () => {
      const ended = await this.sessions.keepNewestAcrossTenants(userId, maxSessions);
      await this.#record(userId, ended);
      if (ended.length > 0) this.events.emit('auth.sessions-ended', { userId });
    });
  }

  async #record(userId: string, ended: readonly EndedSession[]): Promise<void> {
    for (const { id, organizationId } of ended) {
      await this.trail.append({
        organizationId,
        action: 'session.ended',
        target: { type: 'session', id },
        details: { user_id: userId },
      });
    }
  }
}
