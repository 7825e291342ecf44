import type { ChainHead } from '../domain/chain.js';
import type { CheckpointNote } from '../domain/checkpoint-note.js';

/** Checkpoints that were kept, of one log or of several, as the file has them that all of an installation’s are appended to. */
export class KnownCheckpoints {
  readonly #roots = new Map<string, CheckpointNote>();
  /** Of each log, the furthest first. */
  readonly #cuts = new Map<string, CheckpointNote[]>();
  readonly #newest = new Map<string, number>();

  constructor(notes: readonly CheckpointNote[]) {
    for (const note of [...notes].sort((one, other) => other.size - one.size)) {
      const { organizationId, size } = note;
      this.#roots.set(nameOf(organizationId, size), note);
      this.#newest.set(organizationId, Math.max(size, this.#newest.get(organizationId) ?? 0));
      if (note.removedAfter === null) continue;
      const cuts = this.#cuts.get(organizationId);
      if (cuts) cuts.push(note);
      else this.#cuts.set(organizationId, [note]);
    }
  }

  /** For an export that tells of none; an empty text where there are no checkpoints either. */
  get someOrganization(): string {
    return this.#newest.keys().next().value ?? '';
  }

  /** 0 where there are none. */
  newestOf(organizationId: string): number {
    return this.#newest.get(organizationId) ?? 0;
  }

  at(organizationId: string, size: number): CheckpointNote | undefined {
    return this.#roots.get(nameOf(organizationId, size));
  }

  /**
   * How far cuts lead on from here, at most up to `upTo`, to where entries stand: the same place where none does. A cut may begin before
   * it, since entries may have been removed while an export was made.
   */
  across(organizationId: string, from: ChainHead, upTo: number): ChainHead {
    let head = from;
    for (;;) {
      const cut = this.#cuts
        .get(organizationId)
        ?.find((one) => one.size <= upTo && one.size > head.size && isFrom(one, head));
      if (!cut) return head;
      head = { size: cut.size, hash: cut.rootHash };
    }
  }
}

function isFrom({ removedAfter }: CheckpointNote, { size, hash }: ChainHead): boolean {
  if (removedAfter === null || removedAfter.size > size) return false;
  return removedAfter.size < size || removedAfter.hash.equals(hash);
}

function nameOf(organizationId: string, size: number): string {
  return `${organizationId} ${size}`;
}
