import { Injectable } from '@nestjs/common';

import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import {
  CheckpointRepository,
  type StoredCheckpoint,
} from '../checkpoints/checkpoint.repository.js';
import type { ChainHead } from '../domain/chain.js';
import { SealRepository } from '../sealing/seal.repository.js';
import type { RemovalPass, Segment } from './find-segments.service.js';
import { RemovalRepository } from './removal.repository.js';

/** Removes entries, and says so in the same transaction: with a signed cut, and with an entry. */
@Injectable()
export class CutSegmentsService {
  constructor(
    private readonly entries: SealRepository,
    private readonly removals: RemovalRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly signer: CheckpointSigner,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
  ) {}

  /** @returns the cut; `null` where they are gone already, or not all of them may go any more */
  cut(pass: RemovalPass, { from, to }: Segment): Promise<StoredCheckpoint | null> {
    const { organizationId } = pass;
    const now = new Date(pass.now);
    return this.transactions.run(async () => {
      await this.entries.lock(organizationId);
      const range = { after: from.size, upTo: to.size };
      const at = { days: pass.days, now };
      const standing = await this.removals.standingOf(organizationId, range, at);
      const isDue = standing.keptUntil !== null && standing.keptUntil <= now;
      if (standing.count !== to.size - from.size || !isDue) return null;
      const count = await this.removals.remove(organizationId, range);
      const cut = await this.#sign(organizationId, from, to, now);
      await this.trail.append({
        organizationId,
        action: 'audit_entries.removed',
        target: { type: 'organization', id: organizationId },
        details: {
          count,
          first_sequence: from.size + 1,
          last_sequence: to.size,
          first_at: standing.firstAt?.toISOString() ?? null,
          last_at: standing.lastAt?.toISOString() ?? null,
          retention_days: pass.days,
        },
      });
      return cut;
    });
  }

  async #sign(
    organizationId: string,
    from: ChainHead,
    { size, hash: rootHash }: ChainHead,
    createdAt: Date,
  ): Promise<StoredCheckpoint> {
    // Goes on where the last one ended, so that of entries that go hour by hour one cut tells.
    const last = await this.checkpoints.cutAt(organizationId, from.size);
    const note = last && this.signer.genuineNoteOf(organizationId, last);
    const removedAfter = note?.removedAfter ?? from;
    const cut: StoredCheckpoint = {
      size,
      rootHash,
      removedAfter: removedAfter.size,
      note: this.signer.sign({ organizationId, size, rootHash, removedAfter }),
      createdAt,
    };
    if (await this.checkpoints.insert(organizationId, cut)) return cut;
    throw new Error(
      `Entries of the audit log up to ${size} were there, and a cut that they were removed.`,
    );
  }
}
