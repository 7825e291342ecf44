import type { KeyView } from './domain/key-view.js';
import type { PresentedKey } from './domain/presented-key.js';

/** Finds the key that a presented secret belongs to. */
export abstract class KeyDirectory {
  /** The key's view: at once when it is cached, else from PostgreSQL; `null` when there is no such key. */
  abstract find(presented: PresentedKey): KeyView | null | Promise<KeyView | null>;

  /**
   * What a key that was found is by now: the same view as long as it has not changed; `null` when its secret is gone.
   */
  abstract current(view: KeyView): KeyView | null | Promise<KeyView | null>;

  /**
   * For a view that somebody else has made, of what is no key: {@link current} answers what `current` does.
   */
  abstract remember(view: KeyView, current: () => KeyView | null | Promise<KeyView | null>): void;

  /** The key, as it is now, of a secret that was presented before; `null` when it has that secret no more. */
  abstract findBySecretId(secretId: string): Promise<KeyView | null>;
}
