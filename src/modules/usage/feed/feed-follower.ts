import { type FeedPosition, isAhead } from './feed-position.js';
import type { FeedKey, FeedRecord, UsageFeed } from './usage-feed.port.js';

export type FollowedPage = {
  readonly records: readonly FeedRecord[];
  /** Whoever has all that was there then has everything before this page and those that belong to it. */
  readonly since: FeedPosition;
  /** Where all of them reach, once it is the last of them; `null` before. */
  readonly upTo: FeedPosition | null;
  /** The server is another one, or was set back: nobody can say what has become of records between. */
  readonly isGap: boolean;
};

type Stretch = {
  readonly keys: readonly FeedKey[];
  readonly until: FeedPosition;
  readonly after: string;
};

/**
 * Reads a feed on and on, each record exactly once. It goes from one position to the next in stretches of pages; a
 * stretch keeps its end and its keys until it is through, also when reading fails between.
 */
export class FeedFollower {
  #position: FeedPosition;
  #stretch: Stretch | null = null;

  constructor(
    private readonly feed: UsageFeed,
    start: FeedPosition,
  ) {
    this.#position = start;
  }

  /** All that was visible then has been read, of the keys that were asked for. */
  get position(): FeedPosition {
    return this.#position;
  }

  /** Whether the next page begins a stretch, with the keys that it is asked for. */
  get isBetweenStretches(): boolean {
    return this.#stretch === null;
  }

  /**
   * The next page.
   * @param keys whose records are read from {@link position} on; of no effect in the middle of a stretch
   * @param end where the stretch ends at the latest; `null`: where the server is by now. Of no effect in the middle
   */
  async next(keys: readonly FeedKey[], end: FeedPosition | null = null): Promise<FollowedPage> {
    const since = this.#position;
    const stretch = this.#stretch ?? { keys, until: end, after: null };
    const { records, until, next } = await this.feed.page({ since, ...stretch });
    const isGap = isAhead(since, until);
    this.#stretch = next === null ? null : { keys: stretch.keys, until, after: next };
    if (this.#stretch === null) this.#position = until;
    return { records, since, upTo: this.#stretch === null ? until : null, isGap };
  }
}
