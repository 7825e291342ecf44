import type { Environment } from '#common/auth/principal.js';

export type KeyAttributes = {
  readonly name: string;
  readonly environment: Environment;
  /** What its metadata have under the field that was asked for, as text; `null` where it has nothing there. */
  readonly metadata: string | null;
};

/** What reports call keys by. */
export abstract class KeyAttributesReader {
  /** By id; another organization's keys and those that never were are absent. At most ten thousand at once. */
  abstract of(
    organizationId: string,
    keyIds: readonly string[],
    metadataField: string | null,
  ): Promise<ReadonlyMap<string, KeyAttributes>>;
}
