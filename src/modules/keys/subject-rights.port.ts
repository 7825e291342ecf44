import type { KeyView } from './domain/key-view.js';

/** What whoever asked for something may do now, for what is done for them later, when they are not there. */
export abstract class SubjectRights {
  /**
   * `null` for who is not there any more, was suspended, or is of a suspended team. A key may be revoked, disabled or past its
   * end: `checkState` says so of the view, where that matters.
   * @param subject `key_…` or `user_…`
   */
  abstract viewOf(organizationId: string, subject: string): Promise<KeyView | null>;
  abstract reaches(view: KeyView, keyId: string): Promise<boolean>;
}
