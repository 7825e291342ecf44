import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SessionRepository } from './session.repository.js';

/** Ended sessions are refused at once here, and on every other instance within a second. */
@Injectable()
export class EndSessionsService {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
  ) {}

  end(userId: string, sessionId: string): Promise<void> {
    return this.#inTransaction(userId, () => this.sessions.endAcrossTenants(userId, sessionId));
  }

  /** @param exceptId of the session that stays; `null`: none */
  endAll(userId: string, exceptId: string | null): Promise<void> {
    return this.#inTransaction(userId, () => this.sessions.endAllAcrossTenants(userId, exceptId));
  }

  #inTransaction(userId: string, end: () => Promise<void>): Promise<void> {
    return this.transactions.run(async () => {
      await end();
      this.events.emit('auth.sessions-ended', { userId });
    });
  }
}
