import { canonicalText } from '../domain/audit-entry.js';
import { type ChainHead, genesisOf, leafHashOf, linkHashOf } from '../domain/chain.js';
import type { Finding, InvalidReason } from '../domain/chain-verifier.js';
import { type CheckpointNote, isSignedBy, type VerifierKey } from '../domain/checkpoint-note.js';
import {
  coveredOfExported,
  type ExportedEntry,
  isPersonalSound,
} from '../domain/exported-entry.js';
import { KnownCheckpoints } from './known-checkpoints.js';

export type ExportVerification = {
  readonly entries: number;
  readonly unsealed: number;
  readonly firstInvalid: Finding | null;
  /** The places of the first and the last sealed entry. */
  readonly range: readonly [number, number] | null;
  /** Places between them that are not in the export. */
  readonly gaps: number;
  /** Places whose entries were removed when their time was over, as cuts say. */
  readonly removed: number;
  /** Whether the chain was followed from its very beginning, over what was removed. */
  readonly isFromBeginning: boolean;
  /** Of how many a checkpoint vouches: those from which the chain was followed up to it without a gap. */
  readonly bound: number;
};

/**
 * Entries of one export, in the order of the chain, against checkpoints. Of each the hash is computed anew; where the one before is there
 * too, that they fit together. A part of the log has links that lead to what is not there: those only their neighbours can vouch for.
 */
export class ExportVerifier {
  #last: ChainHead | null = null;
  #first: number | null = null;
  #organizationId: string | null = null;
  #entries = 0;
  #unsealed = 0;
  #gaps = 0;
  #removed = 0;
  #isFromBeginning = false;
  /** Where the last stretch without a gap begins, without what is bound already. */
  #unboundFrom = 0;
  #bound = 0;
  #finding: Finding | null = null;
  readonly #checkpoints: KnownCheckpoints;

  /** @param key `null`: the signatures are not looked at */
  constructor(
    checkpoints: readonly CheckpointNote[],
    private readonly key: VerifierKey | null,
    private readonly isPart: boolean,
  ) {
    this.#checkpoints = new KnownCheckpoints(checkpoints);
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
    if (!this.#finding && !this.isPart) this.#takeEnd();
    return {
      entries: this.#entries,
      unsealed: this.#unsealed,
      firstInvalid: this.#finding,
      range: this.#first === null ? null : [this.#first, this.#last?.size ?? 0],
      gaps: this.#gaps,
      removed: this.#removed,
      isFromBeginning: this.#isFromBeginning,
      bound: this.#bound,
    };
  }

  #takeEnd(): void {
    const organizationId = this.#organizationId ?? this.#checkpoints.someOrganization;
    const last = this.#last ?? genesisOf(organizationId);
    const newest = this.#checkpoints.newestOf(organizationId);
    const { size } = this.#checkpoints.across(organizationId, last, newest);
    this.#removed += size - last.size;
    if (newest > size) this.#found({ sequence: size + 1, id: null, reason: 'missing' });
  }

  #takeSealed(exported: ExportedEntry, sequence: number): void {
    const { id, organization_id: organizationId, hash } = exported;
    const from = this.#last ?? genesisOf(organizationId);
    const before = this.#checkpoints.across(organizationId, from, sequence - 1);
    const reason = this.#reasonAgainst(exported, sequence, before);
    if (reason === 'missing') {
      this.#found({ sequence: before.size + 1, id: null, reason });
      return;
    }
    if (reason) {
      this.#found({ sequence, id, reason });
      return;
    }
    this.#organizationId = organizationId;
    this.#isFromBeginning ||= this.#first === null && before.size === sequence - 1;
    this.#first ??= sequence;
    this.#countBefore(from, before, sequence);
    this.#last = { size: sequence, hash: Buffer.from(hash ?? '', 'hex') };
    this.#entries++;
    this.#compare(organizationId, this.#last);
  }

  /** @param before how far the chain is known before it */
  #reasonAgainst(
    exported: ExportedEntry,
    sequence: number,
    before: ChainHead,
  ): InvalidReason | null {
    if (before.size >= sequence) return 'out_of_place';
    const isNext = before.size === sequence - 1;
    if (!isNext && !this.isPart) return 'missing';
    if (isNext && before.hash.toString('hex') !== exported.previous_hash) return 'hash_mismatch';
    return hashOf(exported, sequence) === exported.hash ? null : 'hash_mismatch';
  }

  /** What is between the entry before and this one. */
  #countBefore(from: ChainHead, before: ChainHead, sequence: number): void {
    const missing = sequence - 1 - before.size;
    this.#removed += before.size - from.size;
    if (this.#last) this.#gaps += missing;
    if (this.#last?.size !== sequence - 1) this.#unboundFrom = sequence;
  }

  #compare(organizationId: string, { size, hash }: ChainHead): void {
    const note = this.#checkpoints.at(organizationId, size);
    if (!note) return;
    if (!note.rootHash.equals(hash)) {
      this.#found({ sequence: size, id: null, reason: 'checkpoint_mismatch' });
      return;
    }
    this.#bound += size - this.#unboundFrom + 1;
    this.#unboundFrom = size + 1;
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
