import { Inject, Injectable } from '@nestjs/common';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

import { Clock } from '#common/time/clock.js';
import {
  FeedFollower,
  type FeedKey,
  type FeedPosition,
  type FeedRecord,
  type FollowedPage,
  UsageFeed,
} from '#modules/usage/index.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { eventId } from './event-id.js';
import { Listeners } from './listeners.js';
import { gap, heartbeat, type LiveMessage, requestCompleted } from './live-message.js';

const POLL_MS = 250;
const RETRY_MS = 1_000;
/** Records that are told in one go: between two such the kernel can take what waits for clients. */
const SLICE = 200;

const SERVER_CHANGED =
  'The database was set back or replaced, so that requests may be missing here. GET /v1/keys/{id}/analytics has the figures.';

/**
 * Reads what is stored of all watched keys, with one query for all of them each quarter of a second, and tells those who
 * listen. While nobody listens it asks for nothing.
 */
@Injectable()
export class UsagePump {
  #follower: FeedFollower | null = null;
  /** Up to where listeners that are live have been told everything. */
  #position: FeedPosition | null = null;
  #joining: ((position: FeedPosition) => void)[] = [];
  #isReading = false;
  #running: Promise<void> | null = null;

  constructor(
    private readonly feed: UsageFeed,
    private readonly listeners: Listeners,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * For a listener that has been added: from the position that is answered on it is told everything. That waits for
   * PostgreSQL, however long it takes.
   */
  join(): Promise<FeedPosition> {
    const follower = this.#follower;
    if (follower?.isBetweenStretches === true && !this.#isReading) {
      return Promise.resolve(follower.position);
    }
    return new Promise((resolve) => {
      this.#joining.push(resolve);
      this.#running ??= this.#run();
    });
  }

  /** A message that says where a live listener is; `null` before there is a position. */
  heartbeat(): LiveMessage | null {
    if (this.#position === null) return null;
    const now = this.clock.now();
    return heartbeat(eventId(now, this.#position, 'now'), now);
  }

  /** The messages of a page, each with the listener’s key. */
  messagesOf({ records, since, upTo }: FollowedPage): { key: FeedRecord; message: LiveMessage }[] {
    const now = this.clock.now();
    // The last one of each key stands for all of them: whoever has it needs nothing again.
    const last = new Map(records.map((record) => [record.keyId, record]));
    return records.map((record) => {
      const isLast = upTo !== null && last.get(record.keyId) === record;
      const id = eventId(now, isLast ? upTo : since, record.id);
      return { key: record, message: requestCompleted(record, id, this.#ownerOf(record)) };
    });
  }

  /** As whoever listens to the key found it. */
  #ownerOf(key: FeedKey): string | null {
    for (const listener of this.listeners.of(key)) return listener.key.ownerId;
    return null;
  }

  /** Resolves when nothing is read any more; there must be no listener left. */
  async stop(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.listeners.count > 0) {
      const startedAt = performance.now();
      let everyMs = POLL_MS;
      this.#isReading = true;
      try {
        await this.#turn();
      } catch (error) {
        // The position stays where it is: what is stored meanwhile comes when PostgreSQL is back.
        this.logger.debug({ err: error }, 'The feed of usage could not be read');
        everyMs = RETRY_MS;
      }
      this.#isReading = false;
      await sleep(Math.max(0, everyMs - (performance.now() - startedAt)), undefined, {
        ref: false,
      });
    }
    this.#follower = null;
    this.#position = null;
    this.#joining = [];
    this.#running = null;
  }

  async #turn(): Promise<void> {
    const follower = (this.#follower ??= new FeedFollower(this.feed, await this.feed.now()));
    // In the middle of a stretch its keys are fixed, and none can join.
    if (follower.isBetweenStretches) this.#letJoin(follower.position);
    for (let isThrough = false; !isThrough;) {
      const page = await follower.next(this.listeners.keys());
      isThrough = page.upTo !== null;
      await this.#tell(page);
    }
    this.#position = follower.position;
    // Whoever has come meanwhile need not wait for the next turn: it reads their keys from here on.
    this.#letJoin(follower.position);
  }

  #letJoin(position: FeedPosition): void {
    this.#position = position;
    for (const join of this.#joining.splice(0)) join(position);
  }

  async #tell(page: FollowedPage): Promise<void> {
    if (page.isGap) for (const listener of this.listeners.all()) listener.tell(gap(SERVER_CHANGED));
    const messages = this.messagesOf(page);
    for (let from = 0; from < messages.length; from += SLICE) {
      if (from > 0) await setImmediate();
      for (const { key, message } of messages.slice(from, from + SLICE)) {
        for (const listener of this.listeners.of(key)) listener.tell(message);
      }
    }
  }
}
