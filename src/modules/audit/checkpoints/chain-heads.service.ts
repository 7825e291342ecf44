import { Injectable } from '@nestjs/common';

import { type ChainHead, genesisOf } from '../domain/chain.js';
import { SealRepository } from '../sealing/seal.repository.js';
import { CheckpointRepository } from './checkpoint.repository.js';

/** Where the chain of an organization ends. */
@Injectable()
export class ChainHeads {
  constructor(
    private readonly entries: SealRepository,
    private readonly checkpoints: CheckpointRepository,
  ) {}

  /**
   * The last sealed entry; the newest checkpoint where that is further. Then entries were removed, by us or by somebody else: the
   * chain goes on behind them, so that no other entries take their places and what is missing stays to be seen.
   */
  async of(organizationId: string): Promise<ChainHead> {
    const last = (await this.entries.lastSealed(organizationId)) ?? genesisOf(organizationId);
    const newest = await this.checkpoints.newest(organizationId);
    return newest && newest.size > last.size ? { size: newest.size, hash: newest.rootHash } : last;
  }
}
