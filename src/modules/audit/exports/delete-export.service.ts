import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import type { KeyView } from '#modules/keys/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditExport } from './domain/audit-export.js';
import { ExportRepository } from './export.repository.js';
import { ReadExportsService } from './read-exports.service.js';
import { eventOf } from './record-export.js';

/** Cancels what is not finished; takes away what is. The file itself is deleted by the sweep, of the instance that has it. */
@Injectable()
export class DeleteExportService {
  constructor(
    private readonly readExports: ReadExportsService,
    private readonly exports: ExportRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** Answers it as it is then. @throws {AppError} `not_found` */
  async delete(caller: KeyView, id: string): Promise<AuditExport> {
    const found = await this.readExports.find(caller, id);
    const { organizationId } = caller;
    const now = new Date(this.clock.now());
    return this.transactions.run(async () => {
      const cancelled = await this.exports.cancel(organizationId, id, now);
      if (cancelled) return this.#record('export.cancelled', cancelled);
      const deleted = await this.exports.expire(organizationId, id, now);
      return deleted ? this.#record('export.deleted', deleted) : found;
    });
  }

  async #record(
    action: 'export.cancelled' | 'export.deleted',
    one: AuditExport,
  ): Promise<AuditExport> {
    await this.trail.append(eventOf(action, one));
    return one;
  }
}
