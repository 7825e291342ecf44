export const SUSPICIOUS_KEY_ACTIONS = ['notify', 'disable'] as const;
export type SuspiciousKeyAction = (typeof SUSPICIOUS_KEY_ACTIONS)[number];

/** What is done with an organization's keys when their use looks like somebody else's. */
export abstract class SuspiciousKeyPolicy {
  /** As it stands in PostgreSQL now; within a transaction, as that sees it. */
  abstract suspiciousKeysOf(organizationId: string): Promise<SuspiciousKeyAction>;
}
