export const GRANT_KINDS = ['prepaid', 'promotional'] as const;
export type GrantKind = (typeof GRANT_KINDS)[number];

/** In nano-dollars it is still a number that JavaScript holds exactly, so answers in JSON are exact. */
export const MAX_CREDIT_USD = 9_000_000;

export type CreditGrant = {
  readonly id: string;
  readonly organizationId: string;
  readonly kind: GrantKind;
  readonly amountNanos: bigint;
  readonly remainingNanos: bigint;
  readonly reason: string;
  /** From then on nothing of it is spent. */
  readonly expiresAt: Date | null;
  /** The id of who granted it; `sign-up` where nobody did. */
  readonly grantedBy: string;
  readonly createdAt: Date;
};

export type NewGrant = Pick<
  CreditGrant,
  'kind' | 'amountNanos' | 'reason' | 'expiresAt' | 'grantedBy'
>;
