/** Figures of this process's pipeline, for metrics. Counters start at zero with the process. Reading costs nothing. */
export abstract class UsagePipelineStats {
  /** Records written to the spool. */
  abstract get appended(): number;
  /** Records stored in PostgreSQL. */
  abstract get shipped(): number;
  /** Records that were stored already when they were shipped again. */
  abstract get duplicates(): number;
  /** Lines that were damaged on disk; their bytes are in the segment's `.corrupt` file. */
  abstract get corrupt(): number;
  /** Last lines that a crash cut off; their calls were never acknowledged. */
  abstract get torn(): number;
  /** Records that PostgreSQL will never take; they are in `rejected.log`. */
  abstract get rejected(): number;
  /** Bytes in the spool that are not in PostgreSQL yet. */
  abstract get unshippedBytes(): number;
  /** Milliseconds since the oldest record that is not in PostgreSQL yet was written; 0 when there is none. */
  abstract get oldestUnshippedAgeMs(): number;
}
