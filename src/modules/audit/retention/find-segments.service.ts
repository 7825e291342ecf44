import { Inject, Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import { CheckpointRepository } from '../checkpoints/checkpoint.repository.js';
import { type ChainHead, genesisOf } from '../domain/chain.js';
import { ChainVerifier } from '../domain/chain-verifier.js';
import { EntryMac } from '../trail/entry-mac.js';
import { linkOf } from '../verification/entry-link.js';
import { behind, VerificationRepository } from '../verification/verification.repository.js';
import { RemovalRepository } from './removal.repository.js';

const PAGE = 100;
const DAY_MS = 86_400_000;

/** A run of the job, for one organization. */
export type RemovalPass = {
  readonly organizationId: string;
  readonly now: number;
  /** For which entries of the organization are kept at least. */
  readonly days: number;
};

/** What is removed as a whole: the entries between two checkpoints. */
export type Segment = { readonly from: ChainHead; readonly to: ChainHead };

/** Finds what may go, and leaves a word at each stretch that may not when to look at it again. */
@Injectable()
export class FindSegmentsService {
  constructor(
    private readonly removals: RemovalRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly signer: CheckpointSigner,
    private readonly log: VerificationRepository,
    private readonly macs: EntryMac,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Places of checkpoints before which something may have to go. */
  endsOf({ organizationId, now, days }: RemovalPass, limit: number): Promise<number[]> {
    const before = new Date(now - days * DAY_MS);
    return this.removals.due(organizationId, { before, now: new Date(now) }, limit);
  }

  /**
   * The segment that ends here, when all of it may go. Whatever is not as it was sealed stays, for whoever wants to find out why:
   * removed, it would be as if it had always been in order.
   */
  async removable(pass: RemovalPass, end: number): Promise<Segment | null> {
    const { organizationId, now } = pass;
    const from = await this.#headAt(organizationId, await this.#before(organizationId, end));
    const to = await this.#headAt(organizationId, end);
    if (from && to) {
      const range = { after: from.size, upTo: end };
      const at = { days: pass.days, now: new Date(now) };
      const { keptUntil } = await this.removals.standingOf(organizationId, range, at);
      if (keptUntil && Number(keptUntil) > now) {
        await this.removals.keepUntil(organizationId, end, keptUntil);
        return null;
      }
      if (await this.#isSound(organizationId, from, to)) return { from, to };
    }
    await this.removals.keepUntil(organizationId, end, new Date(now + DAY_MS));
    this.logger.error(
      { organizationId, size: end },
      'Entries of the audit log whose time is over do not verify: they are not removed',
    );
    return null;
  }

  /** The place of the checkpoint before; 0 where there is none. */
  async #before(organizationId: string, size: number): Promise<number> {
    return (await this.checkpoints.before(organizationId, size))?.size ?? 0;
  }

  /** What we have signed of the chain; `null` where somebody else has put it there. */
  async #headAt(organizationId: string, size: number): Promise<ChainHead | null> {
    if (size === 0) return genesisOf(organizationId);
    const stored = await this.checkpoints.at(organizationId, size);
    const note = stored && this.signer.genuineNoteOf(organizationId, stored);
    return note && { size, hash: note.rootHash };
  }

  async #isSound(organizationId: string, from: ChainHead, to: ChainHead): Promise<boolean> {
    const chain = new ChainVerifier(from);
    while (chain.head.size < to.size) {
      const limit = Math.min(PAGE, to.size - chain.head.size);
      const page = await this.log.sealedAfter(organizationId, behind(chain.head), limit);
      for (const stored of page) {
        const link = linkOf(this.macs, stored);
        if ('reason' in link || chain.take(link)) return false;
      }
      if (page.length < limit) return false;
      await nextTurn();
    }
    return chain.head.hash.equals(to.hash);
  }
}
