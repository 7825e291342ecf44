import type { KeyView } from './domain/key-view.js';

/** Finds the key that a presented secret belongs to. */
export abstract class KeyDirectory {
  /**
   * The key's view: at once when it is cached, else from PostgreSQL; `null` when there is no such key.
   * @param presented the secret as the caller sent it, of any form
   */
  abstract find(presented: string): KeyView | null | Promise<KeyView | null>;
}
