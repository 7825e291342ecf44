import { Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';

import { toError } from '#common/errors/to-error.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ChainHeads } from '../checkpoints/chain-heads.service.js';
import { leafHashOf, linkHashOf } from '../domain/chain.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { EntryMac } from '../trail/entry-mac.js';
import { ReportForeignEntriesService } from './report-foreign-entries.service.js';
import { type Seal, SealRepository } from './seal.repository.js';
import { SealingMetrics } from './sealing.metrics.js';

/** What one transaction seals on demand. */
const BATCH = 1_000;
/** Entries that are hashed before others get their turn, some 2 ms: a process that seals may be the one that serves requests. */
const UNINTERRUPTED = 25;

type Pass = { readonly now: number; readonly maxEntries: number };

/**
 * Gives committed entries their places in their organization's chain, in the order in which they were written. Writers never
 * wait for it: it touches rows that nobody else changes, and its lock is taken by sealers alone. What somebody else has put into the table
 * is no link of the chain: it is set aside, and an entry of the chain says so.
 */
@Injectable()
export class SealEntriesService {
  constructor(
    private readonly entries: SealRepository,
    private readonly heads: ChainHeads,
    private readonly macs: EntryMac,
    private readonly foreign: ReportForeignEntriesService,
    private readonly transactions: TransactionRunner,
    private readonly metrics: SealingMetrics,
  ) {}

  /**
   * All that waits, of all organizations, a batch of each in turn.
   * @throws {Error} the first of what went wrong, after all others were sealed
   */
  async sealAll({ now, maxEntries }: Pass, signal: AbortSignal): Promise<void> {
    let waiting = await this.entries.waitingAcrossTenants();
    this.metrics.waited(now, waiting);
    const failures: Error[] = [];
    while (waiting.length > 0) {
      const unfinished: typeof waiting = [];
      for (const one of waiting) {
        signal.throwIfAborted();
        const hasMore = await this.#sealNext(one.organizationId, maxEntries).catch(toError);
        if (hasMore instanceof Error) failures.push(hasMore);
        else if (hasMore) unfinished.push(one);
      }
      waiting = unfinished;
    }
    if (failures[0]) throw failures[0];
  }

  /** What had been written of this organization when it was called, even where somebody else seals at the moment. */
  async sealOrganization(organizationId: string): Promise<void> {
    const sealNext = (): Promise<boolean> =>
      this.transactions.run(async () => {
        await this.entries.lock(organizationId);
        return this.#sealBatch(organizationId, BATCH);
      });
    while (await sealNext());
  }

  #sealNext(organizationId: string, limit: number): Promise<boolean> {
    return this.transactions.run(async () => {
      const isOurs = await this.entries.tryLock(organizationId);
      return isOurs && this.#sealBatch(organizationId, limit);
    });
  }

  /** @returns whether there may be more of them */
  async #sealBatch(organizationId: string, limit: number): Promise<boolean> {
    const { entries, isCut } = await this.entries.waitingOf(organizationId, limit);
    if (entries.length === 0) return false;
    const { seals, foreign } = await this.#place(organizationId, entries);
    if (seals.length > 0) await this.entries.seal(organizationId, seals);
    if (foreign.length > 0) await this.foreign.report(organizationId, foreign);
    this.transactions.afterCommit(() => this.metrics.sealed(seals.length, foreign.length));
    // Of foreign ones there is a new entry, which wants to be sealed too.
    return isCut || foreign.length > 0;
  }

  async #place(
    organizationId: string,
    batch: readonly StoredEntry[],
  ): Promise<{ seals: Seal[]; foreign: StoredEntry[] }> {
    let { size: sequence, hash } = await this.heads.of(organizationId);
    const seals: Seal[] = [];
    const foreign: StoredEntry[] = [];
    for (const [at, stored] of batch.entries()) {
      if (at % UNINTERRUPTED === 0) await setImmediate();
      const text = this.macs.genuineTextOf(stored.entry, stored.mac);
      if (text === null) {
        foreign.push(stored);
        continue;
      }
      const previousHash = hash;
      sequence++;
      hash = linkHashOf(previousHash, sequence, leafHashOf(text));
      seals.push({ id: stored.entry.id, sequence, previousHash, hash });
    }
    return { seals, foreign };
  }
}
