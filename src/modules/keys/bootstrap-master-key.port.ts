import type { Secret } from '#common/secret/secret.js';

/** Makes the key that everything else is made with. */
export abstract class BootstrapMasterKey {
  /**
   * Makes the default organization and its master key where there is none yet; any number of processes may call it at
   * once, and `isFirst` is true for exactly one of them, ever. `generated` is the new secret, so that it can be shown;
   * `null` when it was given by `LATCHKEY_BOOTSTRAP_KEY` or is there already.
   */
  abstract ensure(): Promise<{ readonly isFirst: boolean; readonly generated: Secret | null }>;

  /** One more master key, for an operator who has lost the others but holds the machine. */
  abstract issueAnother(): Promise<Secret>;
}
