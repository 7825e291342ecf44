import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';

import { type AuditExport, objectNameOf } from './domain/audit-export.js';
import { ExportNews } from './export-news.js';
import { ExportQueue } from './export-queue.js';
import { ExportRepository } from './export.repository.js';

/** A running one says every second how far it is, and while it is counted for some seconds nothing. */
const STALE_MS = 120_000;
const DAY_MS = 86_400_000;
/** What is told of one once its file is gone. */
const KEPT_MS = 90 * DAY_MS;

/** Has again done what was lost, ends what is over, and deletes the files of this instance's store that nobody may have any more. */
@Injectable()
export class SweepExportsService {
  constructor(
    private readonly exports: ExportRepository,
    private readonly queue: ExportQueue,
    private readonly news: ExportNews,
    private readonly store: ObjectStore,
    private readonly clock: Clock,
  ) {}

  /** @param limit of each kind, in one go */
  async sweep(limit: number): Promise<void> {
    const now = this.clock.now();
    const stale = await this.exports.listStaleAcrossTenants(new Date(now - STALE_MS), limit);
    for (const one of stale) await this.queue.publish(one);
    for (const one of await this.exports.listDueAcrossTenants(new Date(now), limit))
      await this.#expire(one, new Date(now));
    const location = await this.store.location();
    for (const one of await this.exports.listLeftoversAcrossTenants(location, limit)) {
      await this.store.delete(objectNameOf(one, one.attempt));
      await this.exports.forgetObject(one);
    }
    await this.exports.deleteOldAcrossTenants(new Date(now - KEPT_MS), limit);
  }

  async #expire({ organizationId, id }: AuditExport, now: Date): Promise<void> {
    await this.news.tell('export-upkeep.sweep', async (tell) => {
      const expired = await this.exports.expire(organizationId, id, now);
      if (expired) await tell('export.expired', expired);
    });
  }
}
