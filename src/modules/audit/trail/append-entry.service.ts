import { Injectable } from '@nestjs/common';

import { Actors } from '#platform/audit-trail/actor.js';
import { type AuditEvent, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { AuditEntryRepository } from './audit-entry.repository.js';
import { lineOf } from './entry-line.js';
import { EntryMaker } from './entry-maker.js';

/** Writes an entry beside the change that it tells of, with who is acting. */
@Injectable()
export class AppendEntryService extends AuditTrail {
  constructor(
    private readonly entries: AuditEntryRepository,
    private readonly maker: EntryMaker,
    private readonly actors: Actors,
  ) {
    super();
  }

  override async append(event: AuditEvent): Promise<void> {
    await this.entries.insert([lineOf(this.maker.make(event, this.actors.current))]);
  }
}
