import type { UsageRecord } from '../usage-record.js';
import type { FeedPosition } from './feed-position.js';

export type FeedKey = { readonly organizationId: string; readonly keyId: string };

/** A stored record, as far as it is shown to those who watch its key. */
export type FeedRecord = FeedKey &
  Pick<
    UsageRecord,
    | 'id'
    | 'status'
    | 'outcome'
    | 'inputTokens'
    | 'cachedInputTokens'
    | 'outputTokens'
    | 'reasoningTokens'
    | 'costNanos'
    | 'latencyMs'
  > & {
    readonly occurredAt: Date;
    readonly model: string;
    /** Empty when none was reached. */
    readonly provider: string;
  };

export type FeedQuery = {
  readonly keys: readonly FeedKey[];
  /** What was visible then is left out. */
  readonly since: FeedPosition;
  /** What was not visible then is left out; `null`: nothing is. */
  readonly until: FeedPosition | null;
  /** The `next` of the page before. */
  readonly after: string | null;
};

export type FeedPage = {
  /** By transaction, then by time. No transaction stands in two pages. */
  readonly records: readonly FeedRecord[];
  /** Up to where the page and those behind it reach: the `until` of the next one. */
  readonly until: FeedPosition;
  /** Behind which transaction the next page begins; `null` after the last. */
  readonly next: string | null;
};

/** Usage records as they are stored, over all instances. */
export abstract class UsageFeed {
  /** What is stored by now. */
  abstract now(): Promise<FeedPosition>;

  /**
   * What was stored of some keys between two points, in pages. Records of calls that ended more than an hour ago are
   * left out.
   */
  abstract page(query: FeedQuery): Promise<FeedPage>;
}
