import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

import { Actors } from '#platform/audit-trail/actor.js';
import { type AuditEvent, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { AuditEntryRepository } from './audit-entry.repository.js';
import { type EntryLine, lineOf } from './entry-line.js';
import { EntryMaker } from './entry-maker.js';

/** So many, of some 200 KB at the most, are kept until they are written: what a change of thousands of keys holds in memory. */
const MAX_KEPT = 250;

/**
 * Writes an entry beside the change that it tells of, with who is acting. The entries of one transaction are written with one
 * statement when it ends, as the last part of it, so that a change of a thousand keys does not pay for a thousand statements: what
 * can't be written still undoes all of it.
 */
@Injectable()
export class AppendEntryService extends AuditTrail {
  /** Of each transaction what is not written yet, by what is its own. */
  readonly #kept = new WeakMap<EntityManager, EntryLine[]>();

  constructor(
    private readonly entries: AuditEntryRepository,
    private readonly maker: EntryMaker,
    private readonly actors: Actors,
    private readonly transactions: TransactionRunner,
  ) {
    super();
  }

  override async append(event: AuditEvent): Promise<void> {
    // Made now: what is called later may be done by somebody else.
    const line = lineOf(this.maker.make(event, this.actors.current));
    if (!this.transactions.isOpen) return this.entries.insert([line]);
    const { manager } = this.transactions;
    const kept = this.#kept.get(manager);
    if (!kept) {
      this.#kept.set(manager, [line]);
      this.transactions.beforeCommit(() => this.#writeKept(manager));
      return;
    }
    kept.push(line);
    if (kept.length >= MAX_KEPT) await this.entries.insert(kept.splice(0));
  }

  async #writeKept(manager: EntityManager): Promise<void> {
    const kept = this.#kept.get(manager) ?? [];
    this.#kept.delete(manager);
    if (kept.length > 0) await this.entries.insert(kept);
  }
}
