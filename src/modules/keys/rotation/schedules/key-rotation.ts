export const ROTATION_STRATEGIES = ['gradual', 'immediate'] as const;
export type RotationStrategy = (typeof ROTATION_STRATEGIES)[number];

/** Why a time of the schedule goes by without a rotation. */
export const SKIP_REASONS = [
  'key_disabled',
  'key_pending_approval',
  'setter_not_allowed',
  'secret_unclaimed',
  'too_many_secrets',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** A row of `key_rotations`: when a key is rotated by itself, and how far that is. It is locked with its key’s row. */
export type KeyRotation = {
  readonly keyId: string;
  readonly organizationId: string;
  /** `key_…` or `user_…`: who set the schedule as it is. */
  readonly setBy: string;
  readonly enabled: boolean;
  /** `null` once it was ended. */
  readonly schedule: string | null;
  readonly timeZone: string;
  /** `immediate`: the old secret ends when there is a new one. */
  readonly strategy: RotationStrategy;
  /** 0 exactly where it is `immediate`. */
  readonly gracePeriodMs: number;
  /** Whether who has the old secret may claim the new one. */
  readonly autoUpdateApps: boolean;
  /** `null` where it is not enabled. */
  readonly nextAt: Date | null;
  readonly lastAt: Date | null;
  /** The time of the rotation that was announced last. */
  readonly toldAt: Date | null;
  /** When to look after a secret that waits to be claimed; `null` while none does. */
  readonly watchAt: Date | null;
};
