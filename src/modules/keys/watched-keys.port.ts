/** A key whose policy says `alert_on_suspicious`. */
export type WatchedKey = { readonly organizationId: string; readonly keyId: string };

/** An alert, as people are told of it. */
export type KeyAlert = {
  /** What it goes by, such as `impossible_travel`. */
  readonly rule: string;
  readonly at: Date;
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Keys whose use is watched, for whoever watches it. */
export abstract class WatchedKeys {
  /** By organization and id, from the one after `after` on, at most `limit`. Those that can't be used any more are watched too. */
  abstract listAcrossTenants(after: WatchedKey | null, limit: number): Promise<WatchedKey[]>;

  /**
   * In the caller's transaction: tells people, and disables the key where that is wanted and it is in use.
   * @returns what was done with it
   */
  abstract alert(
    key: WatchedKey,
    alert: KeyAlert,
    isToDisable: boolean,
  ): Promise<'disabled' | 'none'>;
}
