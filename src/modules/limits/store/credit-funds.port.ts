/** What of an organization's credit is used or held for calls, of all that was paid in. Nano-dollars. */
export type CreditState = {
  readonly funded: bigint;
  /** Used, and held by instances for calls that run and for those to come within the next moments. */
  readonly taken: bigint;
};

/**
 * The organization's credit, as the limit that its calls are held to. All of it in the caller's transaction, whose end it waits
 * for: until then no call can take what is paid in, or what is taken back.
 */
export abstract class CreditFunds {
  /** Calls can take it within a second, on all instances. */
  abstract payIn(organizationId: string, nanos: bigint): Promise<void>;

  /**
   * Of what no call uses or holds, at most so much.
   * @returns what was taken back; calls that end give more of it free
   */
  abstract takeBack(organizationId: string, atMostNanos: bigint): Promise<bigint>;

  abstract stateOf(organizationId: string): Promise<CreditState>;
}
