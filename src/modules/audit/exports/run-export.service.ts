import { Inject, Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';

import { Clock } from '#common/time/clock.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';

import { exportedOf } from '../domain/exported-entry.js';
import { type AuditExport, objectNameOf } from './domain/audit-export.js';
import { ExportRepository } from './export.repository.js';
import { ExportedEntriesRepository } from './exported-entries.repository.js';
import { FinishExportService } from './finish-export.service.js';
import { ENCODERS } from './formats/encoders.js';

/** Starts of one export, those of workers that died included. */
const MAX_ATTEMPTS = 5;
const MAX_ENTRIES = 20_000_000;
const MAX_BYTES = 20 * 1024 ** 3;
/** How often it is written down how far it is, and asked whether it should go on. */
const PROGRESS_MS = 1_000;
/** Entries that are encoded before others get their turn on this thread. */
const SLICE = 25;

/** The attempt has lost its right to go on: the export was cancelled, or another worker has taken it over. */
class SupersededError extends Error {}
/** It can't be made, however often it is tried. The message is for whoever asked. */
class HopelessError extends Error {}

type Counted = { entries: number; bytes: number; readonly total: number };

/** Makes the file of an export. Each attempt writes an object of its own, and only the last one that was begun counts. */
@Injectable()
export class RunExportService {
  constructor(
    private readonly exports: ExportRepository,
    private readonly entries: ExportedEntriesRepository,
    private readonly finish: FinishExportService,
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @param signal aborted when the process can't wait any longer
   * @throws {Error} where another attempt may do better
   */
  async run(organizationId: string, id: string, signal: AbortSignal): Promise<void> {
    const one = await this.exports.begin(organizationId, id, new Date(this.clock.now()));
    if (!one) return;
    await this.#removeEarlier(one);
    try {
      await this.#assertMayGoOn(one);
      const name = objectNameOf(one, one.attempt);
      await this.store.write(name, this.#chunksOf(one, await this.#count(one), signal));
      // Whoever asked may have lost the right since.
      await this.#assertMayGoOn(one);
      if (!(await this.finish.complete(one))) throw new SupersededError();
    } catch (error) {
      await this.#settle(one, error);
    }
  }

  /** What workers that died between writing and saying so have left. */
  async #removeEarlier(one: AuditExport): Promise<void> {
    const earlier = Math.min(one.attempt - 1, MAX_ATTEMPTS);
    for (let attempt = 1; attempt <= earlier; attempt++)
      await this.store.delete(objectNameOf(one, attempt));
  }

  async #assertMayGoOn(one: AuditExport): Promise<void> {
    if (one.attempt > MAX_ATTEMPTS)
      throw new HopelessError('It was tried too often. Ask for less, or look into the log.');
    if (!(await this.finish.isStillAllowed(one)))
      throw new HopelessError('Whoever asked for it may not have it any more.');
  }

  async #count(one: AuditExport): Promise<Counted> {
    const total = await this.entries.count(one);
    if (total > MAX_ENTRIES) throw new HopelessError(`It has more than ${MAX_ENTRIES} entries.`);
    return { entries: 0, bytes: 0, total };
  }

  async *#chunksOf(
    one: AuditExport,
    counted: Counted,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const encoder = ENCODERS[one.format]();
    const count = (chunk: Uint8Array): Uint8Array => {
      counted.bytes += chunk.length;
      if (counted.bytes > MAX_BYTES) throw new HopelessError('It is too big. Ask for less.');
      return chunk;
    };
    yield count(encoder.head());
    let saidAt = -Infinity;
    for await (const batch of this.entries.read(one)) {
      signal.throwIfAborted();
      if (this.clock.now() - saidAt >= PROGRESS_MS) {
        await this.#say(one, counted);
        saidAt = this.clock.now();
      }
      for (let at = 0; at < batch.length; at += SLICE) {
        const slice = batch.slice(at, at + SLICE);
        yield count(encoder.add(slice.map((entry) => exportedOf(entry, one.includePii))));
        counted.entries += slice.length;
        await setImmediate();
      }
    }
    yield count(encoder.end());
    await this.#say(one, counted);
  }

  async #say(one: AuditExport, counted: Counted): Promise<void> {
    const now = new Date(this.clock.now());
    if (!(await this.exports.progress(one, counted, now))) throw new SupersededError();
    await this.#assertMayGoOn(one);
  }

  /** What failed in the middle may be finished all the same: the next attempt finds out, and removes the object if it is not. */
  async #settle(one: AuditExport, error: unknown): Promise<void> {
    const isOver = error instanceof SupersededError || error instanceof HopelessError;
    if (!isOver && one.attempt < MAX_ATTEMPTS) throw error;
    if (error instanceof HopelessError) await this.finish.fail(one, error.message);
    else if (!isOver) {
      this.logger.error({ exportId: one.id, err: error }, 'An export has failed for good');
      await this.finish.fail(one, 'It could not be written. Look into the log.');
    }
    await this.store.delete(objectNameOf(one, one.attempt));
  }
}
