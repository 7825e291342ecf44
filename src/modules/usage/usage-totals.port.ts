/** Since the key was made. */
export type KeyUsageTotals = {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: bigint;
  readonly lastUsedAt: Date | null;
};

/** What keys have used, over all instances. */
export abstract class UsageTotals {
  /**
   * Zeros for a key without usage. Includes all that this instance recorded before the call, unless PostgreSQL takes
   * longer than a second to store it; other instances' records follow within about 200 ms.
   */
  abstract ofKey(organizationId: string, keyId: string): Promise<KeyUsageTotals>;

  /** Keys that were never used are absent. About 200 ms behind. */
  abstract lastUsedAt(
    organizationId: string,
    keyIds: readonly string[],
  ): Promise<Map<string, Date>>;
}
