import type { Readable } from 'node:stream';

/** There is none of that name, or not any more. */
export class MissingObjectError extends Error {
  constructor(readonly objectName: string) {
    super(`There is no object ${objectName}.`);
    this.name = 'MissingObjectError';
  }
}

/** There is one of that name already, and it stays as it is. */
export class ObjectExistsError extends Error {
  constructor(readonly objectName: string) {
    super(`There is an object ${objectName} already.`);
    this.name = 'ObjectExistsError';
  }
}

/** Keeps files that are too big for the database. Names are plain: letters, digits, `_`, `-`, `.` and `/`. */
export abstract class ObjectStore {
  /** Whether other instances with the same settings have it too. */
  abstract get isShared(): boolean;

  /** Which store this is, the same after a restart. What has another one can't be read here. */
  abstract location(): Promise<string>;

  /**
   * Takes what comes in constant memory. The object is there as a whole once this resolves, and not at all when it rejects or the
   * process dies.
   * @param signal given up by, also while the store keeps it waiting
   * @throws what `chunks` throws, and what the store can't do
   */
  abstract write(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;

  /** A small text that is never written again. @throws {ObjectExistsError} */
  abstract create(name: string, content: string, signal: AbortSignal): Promise<void>;

  /** @throws {MissingObjectError} */
  abstract read(name: string): Promise<Readable>;

  /** Also where there is none. */
  abstract delete(name: string): Promise<void>;
}
