import type { BodyKind } from './body-log.port.js';

export type StoredBody = {
  readonly kind: BodyKind;
  /** Its first 64 KiB, as text. */
  readonly content: string;
  /** Of the whole body. */
  readonly bytes: number;
  readonly isTruncated: boolean;
};

/** Whose bodies, and of which time, are to be deleted. */
export type BodySelection = {
  /** `null`: of all keys. */
  readonly keyId: string | null;
  readonly before: Date;
};

export type DeletedBodies = { readonly deleted: number; readonly hasMore: boolean };

/**
 * The bodies that are kept, until their time is over. What this instance was about to store is stored first, unless that
 * takes longer than a second; other instances’ bodies follow within about a second.
 */
export abstract class StoredBodies {
  /** Which bodies there are, by request id. Those of which there is none are absent. */
  abstract kindsOf(
    organizationId: string,
    requestIds: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlySet<BodyKind>>>;

  abstract read(organizationId: string, requestId: string): Promise<StoredBody[]>;

  /** Waits, a second at most, until what is about to be stored here is: before a transaction that deletes it. */
  abstract settle(): Promise<void>;

  /** @returns how many there were */
  abstract delete(organizationId: string, requestId: string): Promise<number>;

  /** Some thousands at a time: `hasMore` says whether to go on. */
  abstract deleteSelected(organizationId: string, selection: BodySelection): Promise<DeletedBodies>;
}
