export const UNUSED_KEY_ACTIONS = ['notify', 'disable'] as const;
export type UnusedKeyAction = (typeof UNUSED_KEY_ACTIONS)[number];

/** How an organization wants its keys looked after. */
export type KeyCarePolicy = {
  readonly organizationId: string;
  /** So many days before a key expires somebody is told. */
  readonly expiryReminderDays: readonly number[];
  /** After so many days without a call a key counts as unused; `null`: never. */
  readonly unusedKeyDays: number | null;
  readonly unusedKeyAction: UnusedKeyAction;
};

/** For jobs, which work for all organizations. */
export abstract class KeyCarePolicies {
  /** By id, from the one after `afterId` on, at most `limit`. */
  abstract listAcrossTenants(afterId: string, limit: number): Promise<KeyCarePolicy[]>;
}
