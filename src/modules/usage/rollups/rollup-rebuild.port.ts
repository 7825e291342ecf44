/** ISO dates, UTC; both included. */
export type Days = { readonly from: string; readonly to: string };

/** Makes roll-ups anew from the records that they sum up. */
export abstract class RollupRebuild {
  /**
   * One day after the other, each in a transaction of its own; it may run beside live processes, whose usage waits in their
   * spools while one day is worked on. Days without records, and counts of refused calls, stay as they are.
   * @param rebuilt is called after each day
   */
  abstract rebuild(days: Days, rebuilt: (day: string) => void): Promise<void>;
}
