import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditExport } from './domain/audit-export.js';
import { eventOf } from './record-export.js';

/** No file goes out without its entry. */
@Injectable()
export class RecordDownload {
  constructor(
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `conflict` */
  assertReady(one: AuditExport): void {
    const isThere = one.expiresAt !== null && one.expiresAt.getTime() > this.clock.now();
    if (one.state === 'ready' && isThere) return;
    throw new AppError('conflict', {
      message: `The export ${one.id} is ${one.state === 'ready' ? 'expired' : one.state}: there is no file.`,
    });
  }

  async record(one: AuditExport, subject: string): Promise<void> {
    await this.transactions.run(() =>
      this.trail.append(eventOf('export.downloaded', one, { by: subject })),
    );
  }
}
