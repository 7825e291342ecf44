import { Inject, Injectable } from '@nestjs/common';

import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';

import { type AuditExport, objectNameOf } from './domain/audit-export.js';
import { type Counted, ExportLease, HopelessError, SupersededError } from './export-lease.js';
import { FinishExportService } from './finish-export.service.js';
import { WriteEntriesService } from './write-entries.service.js';

/** Starts of one export, those of workers that died included. */
const MAX_ATTEMPTS = 5;

/** Makes the file of an export. Each attempt writes an object of its own, and only the last one that was begun counts. */
@Injectable()
export class RunExportService {
  constructor(
    private readonly lease: ExportLease,
    private readonly writing: WriteEntriesService,
    private readonly finish: FinishExportService,
    private readonly store: ObjectStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @param signal aborted when the process can't wait any longer
   * @throws {Error} where another attempt may do better
   */
  async run(organizationId: string, id: string, signal: AbortSignal): Promise<void> {
    const one = await this.lease.take(organizationId, id);
    if (!one) return;
    try {
      await this.#make(one, signal);
    } catch (error) {
      await this.#settle(one, error);
    }
  }

  async #make(one: AuditExport, signal: AbortSignal): Promise<void> {
    if (one.attempt > MAX_ATTEMPTS)
      throw new HopelessError('It was tried too often. Ask for less, or look into the log.');
    const counted: Counted = { entries: 0, bytes: 0, total: null };
    await this.lease.assertAllowed(one);
    await this.lease.hold(one, counted, signal, async (held) => {
      await this.#removeEarlier(one);
      const chunks = this.writing.chunksOf(one, counted, held);
      await this.store.write(objectNameOf(one, one.attempt), chunks, held);
    });
    if (!(await this.finish.complete(one))) throw new SupersededError();
  }

  /** What workers that died between writing and saying so have left. */
  async #removeEarlier(one: AuditExport): Promise<void> {
    const earlier = Math.min(one.attempt - 1, MAX_ATTEMPTS);
    for (let attempt = 1; attempt <= earlier; attempt++)
      await this.store.delete(objectNameOf(one, attempt));
  }

  /** What failed in the middle may be finished all the same: the next attempt finds out, and removes the object if it is not. */
  async #settle(one: AuditExport, error: unknown): Promise<void> {
    const isOver = error instanceof SupersededError || error instanceof HopelessError;
    if (!isOver && one.attempt < MAX_ATTEMPTS) {
      await this.lease.release(one);
      throw error;
    }
    if (error instanceof HopelessError) await this.finish.fail(one, error.message);
    else if (!isOver) {
      this.logger.error({ exportId: one.id, err: error }, 'An export has failed for good');
      await this.finish.fail(one, 'It could not be written. Look into the log.');
    }
    await this.store.delete(objectNameOf(one, one.attempt));
  }
}
