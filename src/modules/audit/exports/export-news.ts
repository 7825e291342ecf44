import { Injectable } from '@nestjs/common';

import { Notifier } from '#modules/notifications/index.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditExport } from './domain/audit-export.js';
import { eventOf } from './record-export.js';

type Tell = (
  action: 'export.completed' | 'export.failed' | 'export.expired',
  one: AuditExport,
  more?: Readonly<Record<string, unknown>>,
) => Promise<void>;

/** What jobs do with exports, as the log and whoever listens hear of it. */
@Injectable()
export class ExportNews {
  constructor(
    private readonly actors: Actors,
    private readonly trail: AuditTrail,
    private readonly notifier: Notifier,
    private readonly transactions: TransactionRunner,
  ) {}

  /** `work` in a transaction, as what the job does. */
  tell<T>(job: string, work: (tell: Tell) => Promise<T>): Promise<T> {
    return this.actors.act(jobActor(job), () =>
      this.transactions.run(() =>
        work((action, one, more) => this.trail.append(eventOf(action, one, more))),
      ),
    );
  }

  async notifyReady(one: AuditExport): Promise<void> {
    await this.notifier.notify({
      organizationId: one.organizationId,
      type: 'export.ready',
      keyId: one.keyId,
      data: {
        export_id: one.id,
        format: one.format,
        key_id: one.keyId,
        expires_at: one.expiresAt?.toISOString() ?? null,
      },
      deduplicationId: one.id,
    });
  }
}
