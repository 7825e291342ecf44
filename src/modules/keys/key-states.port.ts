import type { KeyView } from './domain/key-view.js';

/** What becomes of a key, for whoever looks at its usage. */
export type KeyState = {
  readonly organizationId: string;
  readonly keyId: string;
  /** The user whose own it is. */
  readonly ownerId: string | null;
  readonly teamId: string | null;
  readonly projectIds: readonly string[];
  /** Milliseconds since the epoch, also of a time to come; `Infinity` when it is not to be revoked. */
  readonly revokedAt: number;
};

/** Tells of keys by their ids. */
export abstract class KeyStates {
  /**
   * At once while it is known to be current, else from PostgreSQL; the same object as long as nothing has changed.
   * `null`: the caller reaches no such key.
   */
  abstract find(caller: KeyView, keyId: string): KeyState | null | Promise<KeyState | null>;
}
