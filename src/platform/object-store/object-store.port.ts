import type { Readable } from 'node:stream';

/** There is none of that name, or not any more. */
export class MissingObjectError extends Error {
  constructor(readonly objectName: string) {
    super(`There is no object ${objectName}.`);
    this.name = 'MissingObjectError';
  }
}

/** Keeps files that are too big for the database. Names are plain: letters, digits, `_`, `-`, `.` and `/`. */
export abstract class ObjectStore {
  /** Which store this is, the same after a restart. What has another one can't be read here. */
  abstract location(): Promise<string>;

  /**
   * Takes what comes in constant memory. The object is there as a whole once this resolves, and not at all when it rejects or the
   * process dies.
   * @throws what `chunks` throws, and what the store can't do
   */
  abstract write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;

  /** @throws {MissingObjectError} */
  abstract read(name: string): Promise<Readable>;

  /** Also where there is none. */
  abstract delete(name: string): Promise<void>;
}
