/** An organization has each of them once. README.md says what each holds, and with which sign. */
export type AccountKind =
  | 'prepaid_credit'
  | 'promotional_credit'
  | 'holds'
  | 'revenue'
  | 'receivable'
  | 'funding'
  | 'expired';

export type TransferKind = 'grant' | 'settlement' | 'expiry' | 'hold' | 'correction';

export type NewTransfer = {
  readonly kind: TransferKind;
  /** The account that it is taken from; its balance falls. */
  readonly debit: AccountKind;
  /** The account that it goes to; its balance rises. */
  readonly credit: AccountKind;
  /** Above 0. */
  readonly amountNanos: bigint;
  /** Of credit: which grant it comes from or goes to. */
  readonly grantId?: string | null;
  readonly pendingId?: string | null;
  /** Of a hold: when it ends by itself. */
  readonly expiresAt?: Date | null;
  /** Within the organization. The same transfer with the same key is the same transfer. */
  readonly idempotencyKey: string;
  /** What it was made for: the id of a grant, a batch of usage, whoever corrected it. */
  readonly cause: string;
  /** When what it tells of was; when it was written down is recorded besides. */
  readonly effectiveAt: Date;
};

export type HoldEnd = {
  readonly kind: 'hold_posted' | 'hold_voided' | 'hold_expired';
  /** Of `hold_posted`: how much is charged, all unless said. */
  readonly amountNanos?: bigint;
  readonly cause: string;
  readonly effectiveAt: Date;
};

export type Spending = {
  readonly kind: 'settlement';
  readonly credit: AccountKind;
  readonly amountNanos: bigint;
  /** Grants that had expired then are left out. */
  readonly at: Date;
  readonly idempotencyKey: string;
  readonly cause: string;
};
