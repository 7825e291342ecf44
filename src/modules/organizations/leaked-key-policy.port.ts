export const LEAKED_KEY_ACTIONS = ['revoke', 'disable'] as const;
export type LeakedKeyAction = (typeof LEAKED_KEY_ACTIONS)[number];

/** What is done with an organization's keys when they leak. */
export abstract class LeakedKeyPolicy {
  /** As it stands in PostgreSQL now; within a transaction, as that sees it. */
  abstract actionOf(organizationId: string): Promise<LeakedKeyAction>;
}
