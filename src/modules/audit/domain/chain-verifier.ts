import { type ChainHead, linkHashOf } from './chain.js';

/** Why an entry, or a place in the chain, is not as it was sealed. */
export const INVALID_REASONS = [
  'missing',
  'out_of_place',
  'hash_mismatch',
  'mac_mismatch',
  'personal_mismatch',
  'checkpoint_mismatch',
  'checkpoint_signature',
  'foreign_entry',
] as const;
export type InvalidReason = (typeof INVALID_REASONS)[number];

export type Finding = {
  /** `null`: of no place in the chain. */
  readonly sequence: number | null;
  /** `null`: of an entry that is not there. */
  readonly id: string | null;
  readonly reason: InvalidReason;
};

/** What is claimed of a link of the chain, and what its entry gives. */
export type Link = {
  readonly id: string | null;
  readonly sequence: number;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
  /** Computed from the entry itself. */
  readonly leafHash: Buffer;
};

/** Follows a chain link by link, from a head that is known on. */
export class ChainVerifier {
  #head: ChainHead;

  constructor(start: ChainHead) {
    this.#head = start;
  }

  get head(): ChainHead {
    return this.#head;
  }

  /** Over entries that are not there any more. @param head that somebody who may say so vouches for */
  goOnAt(head: ChainHead): void {
    this.#head = head;
  }

  /** @returns what is wrong, after which nothing more can be told of the links behind */
  take(link: Link): Finding | null {
    const sequence = this.#head.size + 1;
    // The place where something should be is where somebody has been at work.
    if (link.sequence > sequence) return { sequence, id: null, reason: 'missing' };
    if (link.sequence < sequence) return findingAt(link, 'out_of_place');
    const hash = linkHashOf(this.#head.hash, sequence, link.leafHash);
    if (!hash.equals(link.hash) || !this.#head.hash.equals(link.previousHash)) {
      return findingAt(link, 'hash_mismatch');
    }
    this.#head = { size: sequence, hash };
    return null;
  }
}

export function findingAt(
  { sequence, id }: { readonly sequence: number | null; readonly id: string | null },
  reason: InvalidReason,
): Finding {
  return { sequence, id, reason };
}
