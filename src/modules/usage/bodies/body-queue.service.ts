import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { QueryFailedError } from 'typeorm';

import { atMost } from '#common/time/within.js';
import { isDataError } from '#platform/database/pg-errors.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { BodiesMetrics } from './bodies.metrics.js';
import { type KeptBody, RequestBodiesRepository } from './request-bodies.repository.js';

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
const MAX_BATCH_BYTES = 512 * 1024;
/** About what a body takes besides its bytes. */
const OVERHEAD_BYTES = 512;
const INTERVAL_MS = 200;
const PAUSE_AFTER_FAILURE_MS = 1_000;
const WARN_EVERY_MS = 60_000;
const SHUTDOWN_FLUSH_MS = 5_000;

/**
 * Bodies on their way to PostgreSQL, in memory and bounded. Whoever adds one never waits: what has no room is dropped, and
 * counted. PostgreSQL being away is one reason why there may be no room.
 */
@Injectable()
export class BodyQueue implements OnApplicationBootstrap, OnApplicationShutdown {
  #waiting: KeptBody[] = [];
  #bytes = 0;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** On the clock of `performance.now()`. */
  #pausedUntil = 0;
  #mayWarnFrom = 0;
  #droppedSinceWarning = 0;

  constructor(
    private readonly bodies: RequestBodiesRepository,
    private readonly metrics: BodiesMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      if (performance.now() >= this.#pausedUntil) void this.#write();
    }, INTERVAL_MS).unref();
  }

  /** Bounded: what PostgreSQL does not take until then is dropped. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush(SHUTDOWN_FLUSH_MS);
    const left = this.#waiting.splice(0);
    if (left.length > 0) this.#dropped(left.length, 'the process stops');
  }

  add(body: KeptBody): void {
    const bytes = sizeOf(body);
    if (this.#bytes + bytes > MAX_QUEUED_BYTES) {
      this.#dropped(1, 'PostgreSQL does not keep up');
      return;
    }
    this.#bytes += bytes;
    this.#waiting.push(body);
  }

  /** Tries to store all that was added before the call; gives up at the timeout. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#waiting.length === 0) return;
    await atMost(timeoutMs, this.#write());
  }

  /** One at a time, and what comes meanwhile goes with it. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = null));
    return this.#writing;
  }

  /** Ends when there is nothing left, or PostgreSQL fails: then all is as before, for the next time. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.bodies.insertAcrossTenants(batch);
      } catch (error) {
        if (!isAboutTheData(error)) {
          this.#pausedUntil = performance.now() + PAUSE_AFTER_FAILURE_MS;
          this.#warn({ err: error }, 'Bodies of calls can’t be stored just now');
          return;
        }
        this.logger.error({ err: error }, 'PostgreSQL refuses bodies of calls');
        this.#dropped(batch.length, 'PostgreSQL refuses them');
      }
      this.#waiting.splice(0, batch.length);
      for (const body of batch) this.#bytes -= sizeOf(body);
    }
  }

  /** It stays in the queue until it is stored. */
  #nextBatch(): KeptBody[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((body) => (bytes += sizeOf(body)) > MAX_BATCH_BYTES);
    return end === -1 ? [...this.#waiting] : this.#waiting.slice(0, Math.max(end, 1));
  }

  #dropped(count: number, reason: string): void {
    this.metrics.dropped(count);
    this.#droppedSinceWarning += count;
    this.#warn({ reason }, 'Bodies of calls are dropped');
  }

  #warn(facts: Record<string, unknown>, message: string): void {
    const now = performance.now();
    if (now < this.#mayWarnFrom) return;
    this.#mayWarnFrom = now + WARN_EVERY_MS;
    this.logger.warn({ ...facts, dropped: this.#droppedSinceWarning }, message);
    this.#droppedSinceWarning = 0;
  }
}

function sizeOf({ content }: KeptBody): number {
  return content.length + OVERHEAD_BYTES;
}

function isAboutTheData(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { code = '' } = error.driverError as { code?: string };
  return isDataError(code);
}
