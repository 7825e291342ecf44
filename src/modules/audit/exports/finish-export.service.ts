import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';

import type { AuditExport } from './domain/audit-export.js';
import { ExportNews } from './export-news.js';
import { ExportRepository } from './export.repository.js';
import { ExporterRights } from './exporter-rights.service.js';

const DAY_MS = 86_400_000;
const JOB = 'audit-export.run';

/** How an export ends, each with its entry. The job does not act for as long as it runs, only while it says how that went. */
@Injectable()
export class FinishExportService {
  readonly #retentionMs: number;

  constructor(
    private readonly exports: ExportRepository,
    private readonly rights: ExporterRights,
    private readonly told: ExportNews,
    private readonly store: ObjectStore,
    private readonly clock: Clock,
    @Inject(CONFIG) { exportRetentionDays }: Config,
  ) {
    this.#retentionMs = exportRetentionDays * DAY_MS;
  }

  isStillAllowed(one: AuditExport): Promise<boolean> {
    return this.rights.mayHave(one.requestedBy, one);
  }

  /** `false` where the attempt does not count any more. */
  async complete(one: AuditExport): Promise<boolean> {
    const storedIn = await this.store.location();
    const now = this.clock.now();
    const expiresAt = new Date(now + this.#retentionMs);
    return this.told.tell(JOB, async (tell) => {
      const completed = await this.exports.complete(one, { storedIn, expiresAt }, new Date(now));
      if (!completed) return false;
      const { entriesDone, bytes } = completed;
      await tell('export.completed', completed, { entries: entriesDone, bytes });
      await this.told.notifyReady(completed);
      return true;
    });
  }

  async fail(one: AuditExport, reason: string): Promise<void> {
    await this.told.tell(JOB, async (tell) => {
      const failed = await this.exports.fail(one, reason, new Date(this.clock.now()));
      if (failed) await tell('export.failed', failed, { failure: reason });
    });
  }
}
