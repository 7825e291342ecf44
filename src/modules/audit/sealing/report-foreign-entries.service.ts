import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { SealRepository } from './seal.repository.js';

/** So many foreign entries are named by the entry that tells of them. */
const MAX_NAMED = 20;

/** Entries that none of ours has written, or that were changed before they were sealed: kept aside, logged, and told of in the chain. */
@Injectable()
export class ReportForeignEntriesService {
  constructor(
    private readonly entries: SealRepository,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async report(organizationId: string, foreign: readonly StoredEntry[]): Promise<void> {
    const ids = foreign.map(({ entry }) => entry.id);
    const [first = ''] = ids;
    await this.entries.setAside(organizationId, ids, new Date(this.clock.now()));
    await this.actors.act(jobActor('audit.seal'), () =>
      this.trail.append({
        organizationId,
        action: 'audit_entry.foreign',
        target: { type: 'audit_entry', id: first },
        outcome: 'denied',
        details: { count: ids.length, entry_ids: ids.slice(0, MAX_NAMED) },
      }),
    );
    this.logger.error(
      { organizationId, count: ids.length, entryIds: ids.slice(0, MAX_NAMED) },
      'The audit log held entries that this installation has not written, or that were changed: they are set aside',
    );
  }
}
