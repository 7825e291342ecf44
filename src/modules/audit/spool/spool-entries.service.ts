import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import { Clock } from '#common/time/clock.js';
import type { Actor } from '#platform/audit-trail/actor.js';
import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import type { AuditEvent } from '#platform/audit-trail/audit-trail.port.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

import { lineOf } from '../trail/entry-line.js';
import { EntryMaker } from '../trail/entry-maker.js';
import { SpoolFolder } from './spool-folder.js';
import { writeLine } from './spool-line.js';

/** How long nothing is tried after a write has failed, but what must be told anyway. */
const REST_MS = 1_000;

@Injectable()
export class SpoolEntries extends AuditSpool {
  #failedAt = Number.NEGATIVE_INFINITY;
  readonly #lost: Counter;

  constructor(
    private readonly folder: SpoolFolder,
    private readonly maker: EntryMaker,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    super();
    this.#lost = new Counter({
      name: 'latchkey_audit_entries_lost_total',
      help: 'Entries of the audit log that could be written neither to PostgreSQL nor to the disk.',
      registers: [registry],
    });
  }

  override get isHealthy(): boolean {
    return !this.folder.isFull && this.clock.now() - this.#failedAt >= REST_MS;
  }

  override write(event: AuditEvent, actor: Actor): boolean {
    if (this.folder.isFull) return this.#lose(event, null);
    try {
      this.folder.append(writeLine(lineOf(this.maker.make(event, actor))));
      return true;
    } catch (error) {
      this.#failedAt = this.clock.now();
      return this.#lose(event, error);
    }
  }

  #lose({ action, organizationId }: AuditEvent, error: unknown): false {
    this.#lost.inc();
    const facts = { action, organization_id: organizationId, err: error };
    this.logger.error(facts, 'An entry of the audit log is lost: it can’t be written to the disk');
    return false;
  }
}
