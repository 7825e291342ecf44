import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { AppError } from '#common/errors/app-error.js';

import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import {
  CheckpointRepository,
  type StoredCheckpoint,
} from '../checkpoints/checkpoint.repository.js';
import { type ChainHead, genesisOf, leafHashOf } from '../domain/chain.js';
import { ChainVerifier, type Finding, findingAt } from '../domain/chain-verifier.js';
import {
  type CheckpointNote,
  isSignedBy,
  MalformedNoteError,
  parseCheckpoints,
} from '../domain/checkpoint-note.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { EntryMac } from '../trail/entry-mac.js';
import { VerificationRepository } from './verification.repository.js';

/** Of which each is some milliseconds of hashing, after which others have their turn. */
const PAGE = 100;
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
  readonly cut: StoredCheckpoint | null;
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
      for (;;) {
        const cut = await this.checkpoints.newestCut(organizationId);
        const verification = await this.#walk(organizationId, cut, notes);
        const cutNow = await this.checkpoints.newestCut(organizationId);
        // Entries whose time was over were removed meanwhile, which is not to be told from tampering.
        if (verification.firstInvalid === null || cutNow?.size === cut?.size) return verification;
      }
    } finally {
      this.#running--;
    }
  }

  async #walk(
    organizationId: string,
    cut: StoredCheckpoint | null,
    outside: readonly CheckpointNote[],
  ): Promise<Verification> {
    const checkpoint = await this.checkpoints.newest(organizationId);
    const start = cut ? { size: cut.size, hash: cut.rootHash } : genesisOf(organizationId);
    const chain = new ChainVerifier(start);
    const walk: Walk = { organizationId, chain, cut, outside, entries: 0, foreign: null };
    const inChain =
      this.#signatureOf(walk, cut) ??
      this.#outsideAt(walk, start) ??
      (await this.#followChain(walk)) ??
      this.#tailOf(walk, checkpoint);
    const { unsealed, finding } = await this.#lookAtUnsealed(organizationId);
    return {
      entries: walk.entries,
      unsealed,
      firstInvalid: inChain ?? finding ?? walk.foreign,
      checkpoint,
    };
  }

  async #followChain(walk: Walk): Promise<Finding | null> {
    let last: StoredEntry | null = null;
    for (;;) {
      const page = await this.log.sealedAfter(walk.organizationId, last, PAGE);
      const roots = new Map<number, Buffer>();
      const finding = this.#takePage(walk, page, roots);
      // A checkpoint before the entry that is wrong is the first that is.
      const atCheckpoint = await this.#checkpointsOf(walk, roots);
      if (atCheckpoint || finding || page.length < PAGE) return atCheckpoint ?? finding;
      last = page.at(-1) ?? null;
      await nextTurn();
    }
  }

  #takePage(walk: Walk, page: readonly StoredEntry[], roots: Map<number, Buffer>): Finding | null {
    for (const stored of page) {
      const finding = this.#takeEntry(walk, stored);
      if (finding) return finding;
      const { size, hash } = walk.chain.head;
      roots.set(size, hash);
      walk.entries++;
    }
    return null;
  }

  #takeEntry(
    walk: Walk,
    { entry, mac, sequence, previousHash, hash }: StoredEntry,
  ): Finding | null {
    const place = { id: entry.id, sequence: sequence ?? 0 };
    // A place of its own comes first: what is missing must not be told of the entry behind it.
    if (place.sequence > walk.chain.head.size + 1) {
      return { sequence: walk.chain.head.size + 1, id: null, reason: 'missing' };
    }
    const text = this.macs.genuineTextOf(entry, mac);
    if (text === null) return findingAt(place, 'mac_mismatch');
    const wrong = walk.chain.take({
      ...place,
      previousHash: previousHash ?? Buffer.alloc(0),
      hash: hash ?? Buffer.alloc(0),
      leafHash: leafHashOf(text),
    });
    if (wrong) return wrong;
    if (entry.action === FOREIGN_ENTRY) {
      walk.foreign ??= { ...place, id: entry.targetId, reason: 'foreign_entry' };
    }
    return this.#outsideAt(walk, walk.chain.head);
  }

  /** Checkpoints of the table, of the entries that were just gone over. @param roots the hash at each of them */
  async #checkpointsOf(walk: Walk, roots: ReadonlyMap<number, Buffer>): Promise<Finding | null> {
    if (roots.size === 0) return null;
    const last = walk.chain.head.size;
    const first = last - roots.size + 1;
    for (const stored of await this.checkpoints.between(walk.organizationId, first, last)) {
      const wrong = this.#signatureOf(walk, stored);
      if (wrong) return wrong;
      if (!roots.get(stored.size)?.equals(stored.rootHash)) {
        return { sequence: stored.size, id: null, reason: 'checkpoint_mismatch' };
      }
    }
    return null;
  }

  /** The note of a checkpoint is signed and says what its row says. */
  #signatureOf(walk: Walk, checkpoint: StoredCheckpoint | null): Finding | null {
    if (checkpoint === null) return null;
    const [note] = readableNotes(checkpoint.note);
    const isGenuine =
      note?.organizationId === walk.organizationId &&
      note.size === checkpoint.size &&
      note.isCut === checkpoint.isCut &&
      note.rootHash.equals(checkpoint.rootHash) &&
      isSignedBy(note, this.signer.verifierKey);
    return isGenuine
      ? null
      : { sequence: checkpoint.size, id: null, reason: 'checkpoint_signature' };
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

  /** Nothing was there once that is there no more. */
  #tailOf({ chain, outside }: Walk, newest: StoredCheckpoint | null): Finding | null {
    const { size } = chain.head;
    const known = Math.max(newest?.size ?? 0, ...outside.map((note) => note.size));
    return known > size ? { sequence: size + 1, id: null, reason: 'missing' } : null;
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

function readableNotes(text: string): CheckpointNote[] {
  try {
    return parseCheckpoints(text);
  } catch (error) {
    if (error instanceof MalformedNoteError) return [];
    throw error;
  }
}
