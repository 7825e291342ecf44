export type ReplayReport = {
  readonly spoolId: string;
  readonly directory: string;
  /** Records that were stored now. */
  readonly shipped: number;
  /** Records that were offered but stored before. What an earlier replay has dealt with is not offered again. */
  readonly duplicates: number;
  readonly corrupt: number;
  readonly torn: number;
  readonly rejected: number;
  /** Bytes after the last whole line: a record that was never written to its end. */
  readonly unreadBytes: number;
};

/** Ships the spool of a machine that is no more. */
export abstract class SpoolReplay {
  /**
   * `directory` is a spool, a `usage-spool` folder or a data folder. Safe to call twice, and beside a live process on
   * the same spool. Deletes nothing.
   * @throws {NotASpoolError} when there is no spool; the database's error when it is away (call again)
   */
  abstract replay(directory: string): Promise<ReplayReport[]>;
}
