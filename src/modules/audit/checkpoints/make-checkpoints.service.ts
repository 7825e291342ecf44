import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import type { ChainHead } from '../domain/chain.js';
import { SealEntriesService } from '../sealing/seal-entries.service.js';
import { SealRepository } from '../sealing/seal.repository.js';
import { CheckpointSigner } from './checkpoint-signer.js';
import { CheckpointRepository, type StoredCheckpoint } from './checkpoint.repository.js';
import { PublishCheckpointService } from './publish-checkpoint.service.js';

/** Signs how far the chains have got. */
@Injectable()
export class MakeCheckpointsService {
  constructor(
    private readonly sealing: SealEntriesService,
    private readonly entries: SealRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly signer: CheckpointSigner,
    private readonly publishing: PublishCheckpointService,
    private readonly clock: Clock,
  ) {}

  /** Of each organization that has entries behind its newest one. */
  async makeAll(atOnce: number, signal: AbortSignal): Promise<void> {
    let after = '';
    for (;;) {
      signal.throwIfAborted();
      const some = await this.checkpoints.organizationsAcrossTenants(after, atOnce);
      await Promise.all(some.map((organizationId) => this.#make(organizationId)));
      const last = some.at(-1);
      if (last === undefined) return;
      after = last;
    }
  }

  /** Of all that was written until now. @returns the newest; `null` where nothing was ever written */
  async makeNow(organizationId: string): Promise<StoredCheckpoint | null> {
    await this.sealing.sealOrganization(organizationId);
    await this.#make(organizationId);
    return this.checkpoints.newest(organizationId);
  }

  /**
   * Seals all that was written until now.
   * @returns how many entries the chain has then
   */
  async sealNow(organizationId: string): Promise<number> {
    await this.sealing.sealOrganization(organizationId);
    return (await this.entries.lastSealed(organizationId))?.size ?? 0;
  }

  /** Of the chain up to one of its entries, for whoever gets it up to there. Nothing where there is one, or no such entry. */
  async makeAt(organizationId: string, size: number): Promise<void> {
    const head = await this.entries.headAt(organizationId, size);
    if (head) await this.#sign(organizationId, head);
  }

  async #make(organizationId: string): Promise<void> {
    const head = await this.entries.lastSealed(organizationId);
    const newest = await this.checkpoints.newest(organizationId);
    if (!head || head.size <= (newest?.size ?? 0)) return;
    await this.#sign(organizationId, head);
  }

  async #sign(organizationId: string, { size, hash: rootHash }: ChainHead): Promise<void> {
    const checkpoint = {
      size,
      removedAfter: null,
      rootHash,
      note: this.signer.sign({ organizationId, size, rootHash, removedAfter: null }),
      createdAt: new Date(this.clock.now()),
    };
    // Several may have signed the same; one of them tells of it.
    const isNew = await this.checkpoints.insert(organizationId, checkpoint);
    if (isNew) await this.publishing.publish(organizationId, checkpoint);
  }
}
