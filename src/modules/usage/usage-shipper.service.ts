import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { unlink } from 'node:fs/promises';

import { atMost } from '#common/time/within.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { PartitionKeeperService } from './partition-keeper.service.js';
import { type DrainCounts, type DrainStep, SpoolDrain } from './spool-drain.js';
import {
  comparePositions,
  segmentPath,
  type SpoolFolder,
  type SpoolPosition,
} from './spool/spool-folder.js';
import { SpoolReader } from './spool/spool-reader.js';
import { SpoolWriter } from './spool/spool-writer.js';
import { SPOOL_FOLDER } from './usage.config.js';
import { UsageShipmentRepository } from './usage-shipment.repository.js';

const INTERVAL_MS = 200;
/** About 600 records. */
const WORTH_A_BATCH_BYTES = 144 * 1024;
const BACKOFF_MS = { first: 100, max: 5_000 };
const SHUTDOWN_FLUSH_MS = 10_000;
const STOP_MS = 1_000;

type Pause = { readonly end: () => void; readonly isBackoff: boolean };

/**
 * Moves this instance's spool to PostgreSQL for as long as the process lives, beginning with what a predecessor left.
 * It keeps nothing in memory: while PostgreSQL is away it tries again, and the disk is the queue.
 *
 * Lifecycle: Nest calls `onApplicationShutdown` after the HTTP server has been closed and its requests have ended, and
 * for modules that are not global before those that are, so the connection pool (TypeORM's core module is global) is
 * still there.
 */
@Injectable()
export class UsageShipper implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #drain: SpoolDrain;
  readonly #waiters = new Set<() => void>();
  #shipped: SpoolPosition = { segment: 0, offset: 0 };
  #loop: Promise<void> | null = null;
  #pause: Pause | null = null;
  #failures = 0;
  #isStopped = false;

  constructor(
    @Inject(SPOOL_FOLDER) private readonly folder: SpoolFolder,
    private readonly writer: SpoolWriter,
    shipments: UsageShipmentRepository,
    partitions: PartitionKeeperService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const reader = new SpoolReader(folder, (segment) => segment >= writer.end.segment);
    this.#drain = new SpoolDrain(
      folder,
      reader,
      { shipments, partitions, logger },
      () => writer.end,
    );
  }

  onApplicationBootstrap(): void {
    this.#loop ??= this.#run();
  }

  /** Bounded to about 11 s. What is left then is shipped at the next start. */
  async onApplicationShutdown(): Promise<void> {
    if (this.#loop) {
      const isShipped = await this.flush(SHUTDOWN_FLUSH_MS);
      if (!isShipped) {
        const { unshippedBytes } = this.writer;
        this.logger.warn({ unshippedBytes }, 'usage left in the spool for the next start');
      }
      this.#isStopped = true;
      this.#pause?.end();
      await atMost(STOP_MS, this.#loop);
    }
    this.writer.close();
  }

  get counts(): Readonly<DrainCounts> {
    return this.#drain.counts;
  }

  /** Whether all that was appended before the call is in PostgreSQL; answers as soon as it is, or at the timeout. */
  async flush(timeoutMs: number): Promise<boolean> {
    if (this.writer.unshippedBytes === 0) return true;
    const target = this.writer.end;
    const deadline = performance.now() + timeoutMs;
    while (comparePositions(this.#shipped, target) < 0) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#nextProgress(leftMs);
    }
    return true;
  }

  async #nextProgress(timeoutMs: number): Promise<void> {
    let waiter = (): void => undefined;
    const progress = new Promise<void>((resolve) => (waiter = resolve));
    this.#waiters.add(waiter);
    // A database that is away is not asked more often because somebody waits.
    if (this.#pause?.isBackoff === false) this.#pause.end();
    await atMost(timeoutMs, progress);
    this.#waiters.delete(waiter);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#catchUp();
        await this.#sleep(INTERVAL_MS, false);
      } catch (error) {
        const delayMs = Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** this.#failures);
        this.#failures++;
        const facts = { err: error, failures: this.#failures, delayMs };
        this.logger.warn(facts, 'usage can’t be stored just now: it stays in the spool');
        await this.#sleep(delayMs, true);
      }
    }
  }

  /** Under load there is always a little more; that waits for the next turn, or batches would shrink to single records. */
  async #catchUp(): Promise<void> {
    let isAtEnd = comparePositions(this.#shipped, this.writer.end) >= 0;
    while (!isAtEnd && !this.#isStopped) {
      ({ isAtEnd } = await this.#shipNext());
      if (this.#waiters.size === 0 && this.writer.unshippedBytes < WORTH_A_BATCH_BYTES) return;
    }
  }

  async #shipNext(): Promise<DrainStep> {
    const step = await this.#drain.step();
    if (this.#failures > 0) this.logger.info({ failures: this.#failures }, 'usage is stored again');
    this.#failures = 0;
    this.#shipped = step.at;
    const done = this.writer.markShipped(step.at, step.lastOccurredAtMs);
    for (const waiter of this.#waiters) waiter();
    for (const segment of done) await this.#delete(segment);
    return step;
  }

  async #delete(segment: number): Promise<void> {
    try {
      await unlink(segmentPath(this.folder.directory, segment));
    } catch (error) {
      this.logger.warn({ err: error, segment }, 'a shipped usage segment could not be deleted');
    }
  }

  async #sleep(ms: number, isBackoff: boolean): Promise<void> {
    if (this.#isStopped) return;
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#pause = { end, isBackoff };
    await atMost(ms, ended);
    this.#pause = null;
  }
}
