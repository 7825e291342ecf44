/** What people and their systems can be told of, as `type` of a webhook's payload and in its list of `events`. */
export const NOTIFICATION_TYPES = [
  'key.created',
  'key.rotated',
  'key.rotation_due',
  'key.rotation_skipped',
  'key.secret_unclaimed',
  'key.expiring',
  'key.expired',
  'key.disabled',
  'key.enabled',
  'key.revoked',
  'key.unused',
  'approval.requested',
  'budget.threshold_reached',
  'budget.reached',
  'credit.low',
  'security.suspicious_activity',
  'export.ready',
  'deployment.state_changed',
  'invoice.issued',
] as const;
export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

export type Notification = {
  readonly organizationId: string;
  readonly type: NotificationType;
  /** Whose channels hear of it besides those of the organization; `null` where it is about no key. */
  readonly keyId: string | null;
  /** Whose channels hear of it as well: the team of that key at this moment. Left out where it is about no team. */
  readonly teamId?: string | null;
  /** What a webhook's payload has under `data`: JSON, snake_case, times in ISO 8601, never a secret. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Where one thing may be told of by several processes, or again after a crash: of one id the first is sent, the others are not. */
  readonly deduplicationId?: string;
};

/** Tells whoever wants to know. */
export abstract class Notifier {
  /**
   * Called in the transaction of what it tells of: it is written down with that, and sent by a worker once that is committed. So
   * nothing is lost between the two, and nothing is told that did not happen.
   */
  abstract notify(notification: Notification): Promise<void>;
}
