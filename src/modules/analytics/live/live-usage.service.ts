import {
  Inject,
  Injectable,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { type KeyState, KeyStates, type KeyView } from '#modules/keys/index.js';
import {
  FeedFollower,
  type FeedKey,
  type FeedPosition,
  type FollowedPage,
  isAhead,
  UsageFeed,
} from '#modules/usage/index.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { GOING_AWAY, TOO_SLOW } from './close-codes.js';
import { positionOf } from './event-id.js';
import { type Admission, Listener } from './listener.js';
import { ListenerCare } from './listener-care.service.js';
import { gap } from './live-message.js';
import type { Outlet } from './outlet.js';
import { UsagePump } from './usage-pump.service.js';

const RETRY_MS = 1_000;
/** Of the past a client gets more once it has taken most of what it was sent. */
const MAX_UNTAKEN = 100;
const LOOK_MS = 20;
const PATIENCE_MS = 30_000;

const CANNOT_RESUME =
  'The last event id is unknown or older than 5 minutes: requests since then are missing here. GET /v1/keys/{id}/analytics has their figures.';

/** Lets clients listen to what a key does. */
@Injectable()
export class LiveUsage implements OnModuleDestroy, OnApplicationShutdown {
  #isClosing = false;

  constructor(
    private readonly keys: KeyStates,
    private readonly feed: UsageFeed,
    private readonly pump: UsagePump,
    private readonly care: ListenerCare,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization’s key */
  async find(caller: KeyView, keyId: string): Promise<FeedKey> {
    await this.#stateOf(caller, keyId);
    return { organizationId: caller.organizationId, keyId };
  }

  /**
   * @param lastEventId behind which the stream goes on; `null`: with what happens from now on
   * @param accept takes the connection over; `null` when the client has left meanwhile. Until then errors are answers
   * @throws {AppError} `not_found`; `conflict` for a key that is revoked; that there are too many already
   */
  async open(
    admission: Admission,
    keyId: string,
    lastEventId: string | null,
    accept: () => Outlet | null,
  ): Promise<void> {
    const state = await this.#stateOf(admission.caller, keyId);
    if (state.revokedAt <= this.clock.now()) {
      throw new AppError('conflict', { message: `The key ${keyId} is revoked and is not used.` });
    }
    this.#assertOpen();
    this.care.assertRoomFor(state);
    const outlet = accept();
    if (!outlet) return;
    const listener = new Listener(admission, state, outlet);
    this.care.takeOn(listener);
    void this.#bringUp(listener, lastEventId);
  }

  /** Whoever waits for a call of its own to end is not kept waiting by those who only watch. */
  onModuleDestroy(): void {
    this.#isClosing = true;
    this.care.closeAll(GOING_AWAY);
  }

  onApplicationShutdown(): Promise<void> {
    return this.pump.stop();
  }

  async #stateOf(caller: KeyView, keyId: string): Promise<KeyState> {
    const state = await this.keys.find(caller, keyId);
    if (!state) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    return state;
  }

  #assertOpen(): void {
    if (!this.#isClosing) return;
    throw new AppError('service_unavailable', {
      message: 'This instance is shutting down. Try again.',
      headers: { 'retry-after': '1' },
    });
  }

  /** First most of the past, as the client takes it; then, while what happens waits, what is left of it. */
  async #bringUp(listener: Listener, lastEventId: string | null): Promise<void> {
    const past = lastEventId === null ? null : await this.#replay(listener, lastEventId);
    listener.hold();
    const present = await this.pump.join();
    if (past) await this.#readOn(listener, past, present);
    this.care.begin(listener);
  }

  /** Until there is no more than a page. `null`: nobody can say what was missed, and the client is told. */
  async #replay(listener: Listener, lastEventId: string): Promise<FeedFollower | null> {
    const since = positionOf(lastEventId, this.clock.now());
    const now = since && (await this.#insist(listener, () => this.feed.now()));
    if (!since || !now || isAhead(since, now)) {
      listener.replay(gap(CANNOT_RESUME));
      return null;
    }
    const past = new FeedFollower(this.feed, since);
    while ((await this.#readOn(listener, past, null)) > 1);
    return past;
  }

  /** One stretch. Answers how many pages it had. */
  async #readOn(listener: Listener, past: FeedFollower, end: FeedPosition | null): Promise<number> {
    for (let pages = 1; ; pages++) {
      const page = await this.#insist(listener, () => past.next([listener.key], end));
      if (!page) return 0;
      await this.#send(listener, page);
      if (page.upTo !== null) return pages;
    }
  }

  async #send(listener: Listener, page: FollowedPage): Promise<void> {
    for (const { message } of this.pump.messagesOf(page)) {
      listener.replay(message);
      if (listener.waiting > MAX_UNTAKEN) await this.#untilTaken(listener);
    }
  }

  async #untilTaken(listener: Listener): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    await setImmediate();
    while (listener.isOpen && listener.waiting > MAX_UNTAKEN / 2) {
      if (performance.now() > giveUpAt) listener.close(TOO_SLOW);
      await sleep(LOOK_MS, undefined, { ref: false });
    }
  }

  /** Tries again until PostgreSQL answers; `null` when the listener has ended before. */
  async #insist<T>(listener: Listener, read: () => Promise<T>): Promise<T | null> {
    while (listener.isOpen) {
      try {
        return await read();
      } catch (error) {
        this.logger.debug({ err: error }, 'The past of a stream could not be read');
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
    return null;
  }
}
