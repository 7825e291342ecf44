/** What is kept of a body. The rest is counted. */
export const MAX_KEPT_BYTES = 64 * 1024;

/** The first {@link MAX_KEPT_BYTES} of what goes by. */
export class CappedBytes {
  readonly #pieces: Buffer[] = [];
  #kept = 0;
  #length = 0;

  /** Of all that went by. */
  get length(): number {
    return this.#length;
  }

  add(bytes: Buffer): void {
    this.#length += bytes.length;
    const room = MAX_KEPT_BYTES - this.#kept;
    if (room === 0 || bytes.length === 0) return;
    // A piece of what came from the network would keep all of that alive.
    const piece = Buffer.from(bytes.subarray(0, room));
    this.#pieces.push(piece);
    this.#kept += piece.length;
  }

  bytes(): Buffer {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }
}
