export const UNCLAIMED_SECRET_ACTIONS = ['extend', 'lapse'] as const;
export type UnclaimedSecretAction = (typeof UNCLAIMED_SECRET_ACTIONS)[number];

/** What becomes of an old secret whose time is over while nobody has claimed the one that follows it. */
export abstract class UnclaimedSecretPolicy {
  /** As it stands in PostgreSQL now; within a transaction, as that sees it. */
  abstract unclaimedSecretsOf(organizationId: string): Promise<UnclaimedSecretAction>;
}
