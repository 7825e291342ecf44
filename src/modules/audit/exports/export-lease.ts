import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import type { AuditExport } from './domain/audit-export.js';
import { ExportRepository } from './export.repository.js';
import { FinishExportService } from './finish-export.service.js';

/** How often it is written down how far an export is, and asked whether it should go on. */
const BEAT_MS = 1_000;
/** Of whom so long nothing was heard, another worker takes the export over. */
export const LEASE_MS = 15_000;

/** The attempt has lost its right to go on: the export was cancelled, or another worker has taken it over. */
export class SupersededError extends Error {}
/** It can't be made, however often it is tried. The message is for whoever asked. */
export class HopelessError extends Error {}

/** How far an attempt is. `total` is `null` until they are counted. */
export type Counted = { entries: number; bytes: number; total: number | null };

/** One worker at a time makes an export, and everybody can see how far it is. */
@Injectable()
export class ExportLease {
  constructor(
    private readonly exports: ExportRepository,
    private readonly finish: FinishExportService,
    private readonly clock: Clock,
  ) {}

  /** Begins an attempt. `null`: there is nothing to be done any more, or another worker is at it. */
  take(organizationId: string, id: string): Promise<AuditExport | null> {
    const now = this.clock.now();
    return this.exports.begin(organizationId, id, {
      now: new Date(now),
      heardBefore: new Date(now - LEASE_MS),
    });
  }

  /**
   * Says every second how far `work` is, however long it waits for the store.
   * @param signal of the process
   * @throws what `work` throws; {@link SupersededError} or {@link HopelessError} within about a second of what has caused it
   */
  async hold(
    one: AuditExport,
    counted: Counted,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const lost = new AbortController();
    const beats = this.#beats(one, counted, lost);
    try {
      await work(AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      throw lost.signal.aborted ? lost.signal.reason : error;
    } finally {
      await beats.stop();
    }
    lost.signal.throwIfAborted();
    await this.#say(one, counted);
  }

  #beats(
    one: AuditExport,
    counted: Counted,
    lost: AbortController,
  ): { readonly stop: () => Promise<void> } {
    let heardAt = this.clock.now();
    let beat: Promise<void> | null = null;
    const say = async (): Promise<void> => {
      try {
        await this.#say(one, counted);
        heardAt = this.clock.now();
      } catch (error) {
        const isOver = error instanceof SupersededError || error instanceof HopelessError;
        // The database may be away for a moment. For as long as the lease is good nobody else begins.
        if (isOver || this.clock.now() - heardAt >= LEASE_MS) lost.abort(error);
      } finally {
        beat = null;
      }
    };
    const timer = setInterval(() => {
      beat ??= say();
    }, BEAT_MS);
    return {
      stop: async () => {
        clearInterval(timer);
        await beat;
      },
    };
  }

  async #say(one: AuditExport, counted: Counted): Promise<void> {
    const now = new Date(this.clock.now());
    if (!(await this.exports.progress(one, counted, now))) throw new SupersededError();
    await this.assertAllowed(one);
  }

  /** @throws {HopelessError} */
  async assertAllowed(one: AuditExport): Promise<void> {
    if (!(await this.finish.isStillAllowed(one)))
      throw new HopelessError('Whoever asked for it may not have it any more.');
  }

  /** So that another attempt may begin at once. */
  async release(one: AuditExport): Promise<void> {
    await this.exports.release(one, new Date(this.clock.now()));
  }
}
