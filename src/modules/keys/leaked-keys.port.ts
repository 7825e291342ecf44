import type { LeakOutcome, LeakReport } from './domain/leaked-key.js';

/** Takes the keys that have leaked out of use. */
export abstract class LeakedKeys {
  /**
   * Revokes or disables each live key that is reported, as its organization wants it. That takes effect here at once and
   * everywhere within a second. It goes across organizations: whoever has the whole secret could use the key, so ending
   * that is no power over somebody else's. Reporting a key again changes nothing.
   * @returns what was done, by position
   */
  abstract deactivate(reports: readonly LeakReport[]): Promise<LeakOutcome[]>;
}
