import { canonicalText } from '../domain/audit-entry.js';
import { genesisOf, leafHashOf, linkHashOf } from '../domain/chain.js';
import type { Finding, InvalidReason } from '../domain/chain-verifier.js';
import { type CheckpointNote, isSignedBy, type VerifierKey } from '../domain/checkpoint-note.js';
import {
  coveredOfExported,
  type ExportedEntry,
  isPersonalSound,
} from '../domain/exported-entry.js';

export type ExportVerification = {
  readonly entries: number;
  readonly unsealed: number;
  readonly firstInvalid: Finding | null;
  /** The places of the first and the last sealed entry. */
  readonly range: readonly [number, number] | null;
  /** Places between them that are not in the export. */
  readonly gaps: number;
  /** Whether the chain was followed from its very beginning, or from where the rest was removed. */
  readonly isFromBeginning: boolean;
  /** Of how many a checkpoint vouches: those from which the chain was followed up to it without a gap. */
  readonly bound: number;
};

/** The link before the one that is looked at. */
type Last = { readonly sequence: number; readonly hash: string };

/**
 * Entries of one export, in the order of the chain, against checkpoints. Of each the hash is computed anew; where the one before is there
 * too, that they fit together. A part of the log has links that lead to what is not there: those only their neighbours can vouch for.
 */
export class ExportVerifier {
  #last: Last | null = null;
  #first: number | null = null;
  #entries = 0;
  #unsealed = 0;
  #gaps = 0;
  #isFromBeginning = false;
  /** Where the last stretch without a gap begins, without what is bound already. */
  #unboundFrom = 0;
  #bound = 0;
  #finding: Finding | null = null;
  readonly #checkpoints: ReadonlyMap<number, CheckpointNote>;
  readonly #largest: number;

  /** @param key `null`: the signatures are not looked at */
  constructor(
    checkpoints: readonly CheckpointNote[],
    private readonly key: VerifierKey | null,
    private readonly isPart: boolean,
  ) {
    this.#checkpoints = new Map(checkpoints.map((note) => [note.size, note]));
    this.#largest = Math.max(0, ...checkpoints.map(({ size }) => size));
    const forged = checkpoints.find((note) => key !== null && !isSignedBy(note, key));
    if (forged) this.#found({ sequence: forged.size, id: null, reason: 'checkpoint_signature' });
  }

  take(exported: ExportedEntry): void {
    if (this.#finding) return;
    const { id, sequence } = exported;
    if (!isPersonalSound(exported)) this.#found({ sequence, id, reason: 'personal_mismatch' });
    else if (sequence === null) this.#unsealed++;
    else this.#takeSealed(exported, sequence);
  }

  end(): ExportVerification {
    const last = this.#last?.sequence ?? 0;
    if (!this.#finding && !this.isPart && this.#largest > last) {
      this.#found({ sequence: last + 1, id: null, reason: 'missing' });
    }
    return {
      entries: this.#entries,
      unsealed: this.#unsealed,
      firstInvalid: this.#finding,
      range: this.#first === null ? null : [this.#first, last],
      gaps: this.#gaps,
      isFromBeginning: this.#isFromBeginning,
      bound: this.#bound,
    };
  }

  #takeSealed(exported: ExportedEntry, sequence: number): void {
    const { id, previous_hash: previous, hash } = exported;
    const reason = this.#reasonAgainst(exported, sequence);
    if (reason === 'missing') {
      this.#found({ sequence: this.#place + 1, id: null, reason });
      return;
    }
    if (reason) {
      this.#found({ sequence, id, reason });
      return;
    }
    this.#first ??= sequence;
    if (this.#last?.sequence !== sequence - 1) this.#unboundFrom = sequence;
    this.#isFromBeginning ||= this.#beginsAt(exported, sequence - 1, previous ?? '');
    this.#last = { sequence, hash: hash ?? '' };
    this.#entries++;
    this.#compare(exported, sequence);
  }

  #reasonAgainst(exported: ExportedEntry, sequence: number): InvalidReason | null {
    const last = this.#last;
    const between = sequence - this.#place - 1;
    if (between < 0) return 'out_of_place';
    const isBeginning = last === null && this.#isBeginning(exported, sequence);
    if (between > 0 && !this.isPart && !isBeginning) return 'missing';
    const isFollowing = between === 0 && !isBeginning;
    if (isFollowing && last?.hash !== exported.previous_hash) return 'hash_mismatch';
    if (hashOf(exported, sequence) !== exported.hash) return 'hash_mismatch';
    if (last) this.#gaps += between;
    return null;
  }

  /** Of the last entry that was taken. */
  get #place(): number {
    return this.#last?.sequence ?? 0;
  }

  #isBeginning(exported: ExportedEntry, sequence: number): boolean {
    return this.#beginsAt(exported, sequence - 1, exported.previous_hash ?? '');
  }

  /** Whether nothing stands before it: it is the first of all, or the first that was not removed when its time was over. */
  #beginsAt({ organization_id }: ExportedEntry, size: number, previous: string): boolean {
    if (size === 0) return genesisOf(organization_id).hash.toString('hex') === previous;
    const note = this.#noteOf(organization_id, size);
    return note?.isCut === true && note.rootHash.toString('hex') === previous;
  }

  #compare({ organization_id, hash }: ExportedEntry, size: number): void {
    const note = this.#noteOf(organization_id, size);
    if (!note) return;
    if (note.rootHash.toString('hex') !== hash) {
      this.#found({ sequence: size, id: null, reason: 'checkpoint_mismatch' });
      return;
    }
    this.#bound += size - this.#unboundFrom + 1;
    this.#unboundFrom = size + 1;
  }

  #noteOf(organizationId: string, size: number): CheckpointNote | undefined {
    const note = this.#checkpoints.get(size);
    return note?.organizationId === organizationId ? note : undefined;
  }

  #found(finding: Finding): void {
    this.#finding ??= finding;
  }
}

function hashOf(exported: ExportedEntry, sequence: number): string {
  const leaf = leafHashOf(canonicalText(coveredOfExported(exported)));
  const previous = Buffer.from(exported.previous_hash ?? '', 'hex');
  return linkHashOf(previous, sequence, leaf).toString('hex');
}
