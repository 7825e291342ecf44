import type { Environment } from '#common/auth/principal.js';

import type { KeyView } from './domain/key-view.js';

export type KeyAttributes = {
  readonly name: string;
  readonly environment: Environment;
  readonly ownerId: string | null;
  readonly teamId: string | null;
  /** The first of those that it is for; `null`: for none in particular. */
  readonly projectId: string | null;
  /** What its metadata have under the field that was asked for, as text; `null` where it has nothing there. */
  readonly metadata: string | null;
};

/** What reports call keys by. */
export abstract class KeyAttributesReader {
  /** By id; those that the caller does not reach, or that never were, are absent. At most ten thousand at once. */
  abstract of(
    caller: KeyView,
    keyIds: readonly string[],
    metadataField: string | null,
  ): Promise<ReadonlyMap<string, KeyAttributes>>;
}
