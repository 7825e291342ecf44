import type { UsageCaller } from '../usage-record.js';

/** Counts calls that were refused before they went anywhere. They are no usage and cost nothing. */
export abstract class RefusalCounter {
  /**
   * Call it once for each call of a known key that was refused. In PostgreSQL, in `refused` of the roll-ups, within about
   * 5 s; a `kill -9` loses what is not there yet.
   */
  abstract refused(caller: UsageCaller): void;
}
