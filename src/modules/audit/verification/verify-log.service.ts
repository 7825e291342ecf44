import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { AppError } from '#common/errors/app-error.js';

import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import {
  CheckpointRepository,
  type StoredCheckpoint,
} from '../checkpoints/checkpoint.repository.js';
import { type ChainHead, genesisOf } from '../domain/chain.js';
import { ChainVerifier, type Finding, findingAt } from '../domain/chain-verifier.js';
import {
  type CheckpointNote,
  isSignedBy,
  MalformedNoteError,
  parseCheckpoints,
} from '../domain/checkpoint-note.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { EntryMac } from '../trail/entry-mac.js';
import { linkOf } from './entry-link.js';
import { behind, type EntryPlace, VerificationRepository } from './verification.repository.js';

/** Of which each is some milliseconds of hashing, after which others have their turn. */
const PAGE = 100;
/** Each of them has a signature to be checked, which takes as long as an entry does. */
const CHECKPOINT_PAGE = 100;
/** Of one process at once: each takes a core's time and a connection again and again. */
const MAX_AT_ONCE = 8;
const FOREIGN_ENTRY = 'audit_entry.foreign';

export type Verification = {
  /** Sealed entries that were looked at. */
  readonly entries: number;
  readonly unsealed: number;
  readonly firstInvalid: Finding | null;
  /** The newest. */
  readonly checkpoint: StoredCheckpoint | null;
};

/** One verification on its way. */
type Walk = {
  readonly organizationId: string;
  readonly chain: ChainVerifier;
  readonly outside: readonly CheckpointNote[];
  entries: number;
  /** The first entry that tells of foreign ones. */
  foreign: Finding | null;
};

/** Whether an organization's log is as it was written. */
@Injectable()
export class VerifyLogService {
  #running = 0;

  constructor(
    private readonly log: VerificationRepository,
    private readonly checkpoints: CheckpointRepository,
    private readonly macs: EntryMac,
    private readonly signer: CheckpointSigner,
  ) {}

  /**
   * In constant memory, a page at a time.
   * @param outside checkpoints that were kept elsewhere, one after the other: only they tell of a tail that is cut off together
   * with its checkpoints
   * @throws {AppError} `concurrency_limit_exceeded`; `invalid_request` when `outside` has no checkpoints of this log
   */
  async verify(organizationId: string, outside = ''): Promise<Verification> {
    const notes = notesOf(organizationId, outside);
    if (this.#running >= MAX_AT_ONCE) {
      throw new AppError('concurrency_limit_exceeded', {
        message: 'Audit logs are being verified already. Try again when that is done.',
      });
    }
    this.#running++;
    try {
      return await this.#walk(organizationId, notes);
    } finally {
      this.#running--;
    }
  }

  async #walk(organizationId: string, outside: readonly CheckpointNote[]): Promise<Verification> {
    const checkpoint = await this.checkpoints.newest(organizationId);
    const start = genesisOf(organizationId);
    const chain = new ChainVerifier(start);
    const walk: Walk = { organizationId, chain, outside, entries: 0, foreign: null };
    const inChain =
      this.#outsideAt(walk, start) ??
      (await this.#followChain(walk)) ??
      this.#tailOf(walk, checkpoint) ??
      (await this.#amongRemoved(organizationId));
    const { unsealed, finding } = await this.#lookAtUnsealed(organizationId);
    return {
      entries: walk.entries,
      unsealed,
      firstInvalid: inChain ?? finding ?? walk.foreign,
      checkpoint,
    };
  }

  /**
   * Entries may be removed while it goes on. That takes one transaction, which also says so with a cut. So a cut is looked for
   * after the gap was seen, and whatever it is about is looked for after the cut was.
   */
  async #followChain(walk: Walk): Promise<Finding | null> {
    let last: EntryPlace | null = null;
    for (;;) {
      const page = await this.log.sealedAfter(walk.organizationId, last, PAGE);
      const roots = new Map<number, Buffer>();
      const finding = this.#takePage(walk, page, roots);
      // A checkpoint before the entry that is wrong is the first that is.
      const wrong = (await this.#checkpointsOf(walk, roots)) ?? finding;
      if (wrong) return wrong;
      const isAtGap = roots.size < page.length;
      if (isAtGap || page.length < PAGE) {
        const crossed = await this.#crossRemoved(walk);
        if (crossed === null && isAtGap) return missingAfter(walk.chain.head);
        if (crossed !== 'crossed') return crossed;
        last = behind(walk.chain.head);
      } else {
        last = placeOf(page.at(-1));
      }
      await nextTurn();
    }
  }

  /** Goes on behind the entries that were removed here. @returns `null` where none were */
  async #crossRemoved(walk: Walk): Promise<Finding | 'crossed' | null> {
    const { organizationId, chain } = walk;
    const { head } = chain;
    const cut = await this.checkpoints.cutAcross(organizationId, head.size);
    if (cut === null) return null;
    const note = this.signer.genuineNoteOf(organizationId, cut);
    if (note === null) return { sequence: cut.size, id: null, reason: 'checkpoint_signature' };
    // Where its beginning is behind us those entries were removed since they were read.
    const isFromHere = note.removedAfter?.size === head.size;
    if (isFromHere && !note.removedAfter.hash.equals(head.hash)) {
      return { sequence: head.size, id: null, reason: 'checkpoint_mismatch' };
    }
    const left = await this.log.firstBetween(organizationId, head.size, cut.size);
    if (left) return findingAt(left, 'out_of_place');
    chain.goOnAt({ size: cut.size, hash: cut.rootHash });
    const roots = new Map([[cut.size, cut.rootHash]]);
    const wrong =
      (await this.#checkpointsBetween(walk, head.size, roots)) ??
      this.#outsideWithin(walk, head.size) ??
      this.#outsideAt(walk, chain.head);
    return wrong ?? 'crossed';
  }

  /** Up to the first gap. */
  #takePage(walk: Walk, page: readonly StoredEntry[], roots: Map<number, Buffer>): Finding | null {
    for (const stored of page) {
      // A place of its own comes first: what is missing must not be told of the entry behind it.
      if ((stored.sequence ?? 0) > walk.chain.head.size + 1) return null;
      const finding = this.#takeEntry(walk, stored);
      if (finding) return finding;
      const { size, hash } = walk.chain.head;
      roots.set(size, hash);
      walk.entries++;
    }
    return null;
  }

  #takeEntry(walk: Walk, stored: StoredEntry): Finding | null {
    const link = linkOf(this.macs, stored);
    const wrong = 'reason' in link ? link : walk.chain.take(link);
    if (wrong) return wrong;
    const { entry, sequence } = stored;
    if (entry.action === FOREIGN_ENTRY) {
      walk.foreign ??= { sequence, id: entry.targetId, reason: 'foreign_entry' };
    }
    return this.#outsideAt(walk, walk.chain.head);
  }

  /** Checkpoints of the table, of the entries that were just gone over. @param roots the hash at each of them */
  async #checkpointsOf(walk: Walk, roots: ReadonlyMap<number, Buffer>): Promise<Finding | null> {
    if (roots.size === 0) return null;
    return this.#checkpointsBetween(walk, walk.chain.head.size - roots.size, roots);
  }

  /** Those behind `after`, up to where the walk is. @param roots the hash at places that are known: at others a signature is all there is */
  async #checkpointsBetween(
    { organizationId, chain }: Walk,
    after: number,
    roots: ReadonlyMap<number, Buffer>,
  ): Promise<Finding | null> {
    let last = { size: after, isCut: true };
    for (;;) {
      const page = await this.checkpoints.between(
        organizationId,
        last,
        chain.head.size,
        CHECKPOINT_PAGE,
      );
      for (const stored of page) {
        const { size, rootHash, removedAfter } = stored;
        if (this.signer.genuineNoteOf(organizationId, stored) === null) {
          return { sequence: size, id: null, reason: 'checkpoint_signature' };
        }
        if (roots.get(size)?.equals(rootHash) === false) {
          return { sequence: size, id: null, reason: 'checkpoint_mismatch' };
        }
        last = { size, isCut: removedAfter !== null };
      }
      if (page.length < CHECKPOINT_PAGE) return null;
      await nextTurn();
    }
  }

  #outsideAt({ outside }: Walk, { size, hash }: ChainHead): Finding | null {
    for (const note of outside) {
      if (note.size !== size) continue;
      if (!isSignedBy(note, this.signer.verifierKey)) {
        return { sequence: size, id: null, reason: 'checkpoint_signature' };
      }
      if (!note.rootHash.equals(hash)) {
        return { sequence: size, id: null, reason: 'checkpoint_mismatch' };
      }
    }
    return null;
  }

  /** Of those that were kept elsewhere, in a stretch whose hashes nobody knows any more. */
  #outsideWithin({ outside, chain }: Walk, after: number): Finding | null {
    const forged = outside.find(
      (note) =>
        note.size > after &&
        note.size < chain.head.size &&
        !isSignedBy(note, this.signer.verifierKey),
    );
    return forged ? { sequence: forged.size, id: null, reason: 'checkpoint_signature' } : null;
  }

  /** What was removed and put back. */
  async #amongRemoved(organizationId: string): Promise<Finding | null> {
    const place = await this.log.firstRemoved(organizationId);
    return place && findingAt(place, 'out_of_place');
  }

  /** Nothing was there once that is there no more. */
  #tailOf({ chain, outside }: Walk, newest: StoredCheckpoint | null): Finding | null {
    const { size } = chain.head;
    const known = Math.max(newest?.size ?? 0, ...outside.map((note) => note.size));
    return known > size ? missingAfter(chain.head) : null;
  }

  async #lookAtUnsealed(
    organizationId: string,
  ): Promise<{ unsealed: number; finding: Finding | null }> {
    let unsealed = 0;
    let after = '0';
    let finding: Finding | null = null;
    for (;;) {
      const page = await this.log.unsealedAfter(organizationId, after, PAGE);
      for (const { entry, mac } of page.entries) {
        if (this.macs.genuineTextOf(entry, mac) === null) {
          finding ??= { sequence: null, id: entry.id, reason: 'mac_mismatch' };
        }
      }
      unsealed += page.entries.length;
      if (page.entries.length < PAGE) return { unsealed, finding };
      after = page.position;
      await nextTurn();
    }
  }
}

function notesOf(organizationId: string, text: string): CheckpointNote[] {
  try {
    const notes = parseCheckpoints(text);
    if (notes.every((note) => note.organizationId === organizationId)) return notes;
  } catch (error) {
    if (!(error instanceof MalformedNoteError)) throw error;
    throw new AppError('invalid_request', { message: error.message, cause: error });
  }
  throw new AppError('invalid_request', { message: 'There is a checkpoint of another log.' });
}

function missingAfter({ size }: ChainHead): Finding {
  return { sequence: size + 1, id: null, reason: 'missing' };
}

function placeOf(stored: StoredEntry | undefined): EntryPlace | null {
  return stored ? { sequence: stored.sequence ?? 0, id: stored.entry.id } : null;
}
