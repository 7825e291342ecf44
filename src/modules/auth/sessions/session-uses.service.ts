import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { within } from '#common/time/within.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { SessionRepository } from './session.repository.js';

const INTERVAL_MS = 60_000;
/** Sessions between two writes. Of more the use is not noted, until they are used after the next. */
const MAX_PENDING = 50_000;
const SHUTDOWN_MS = 5_000;

/**
 * When each session was used last. In memory, and written down once a minute; what is not written when the process is
 * killed is lost.
 */
@Injectable()
export class SessionUses implements OnApplicationShutdown {
  #pending = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly sessions: SessionRepository,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  note(sessionId: string, atMs: number): void {
    if (this.#pending.size >= MAX_PENDING && !this.#pending.has(sessionId)) return;
    this.#pending.set(sessionId, atMs);
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref();
  }

  /** Never rejects: what can't be stored now is tried again. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.size === 0) return;
    const pending = this.#pending;
    this.#pending = new Map();
    try {
      const uses = [...pending].map(([id, atMs]) => [id, new Date(atMs)] as const);
      await this.sessions.noteUsesAcrossTenants(uses);
    } catch (error) {
      this.logger.warn({ err: error }, 'The last uses of sessions can’t be stored: tried again');
      for (const [id, atMs] of pending) {
        if (!this.#pending.has(id)) this.note(id, atMs);
      }
    }
  }

  async onApplicationShutdown(): Promise<void> {
    try {
      await within(SHUTDOWN_MS, this.flush(), 'PostgreSQL does not take the last uses.');
    } catch (error) {
      this.logger.warn({ err: error }, 'The last uses of sessions were not stored in time');
    }
    if (this.#timer) clearTimeout(this.#timer);
  }
}
