import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { KeyState, KeyView } from '#modules/keys/index.js';
import type { FeedKey } from '#modules/usage/index.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CallersAndKeys } from './callers-and-keys.js';
import { type Closing, refusedWith, WATCHED_KEY_REVOKED } from './close-codes.js';
import type { Listener } from './listener.js';
import { Listeners } from './listeners.js';
import { LiveMetrics } from './live.metrics.js';
import { UsagePump } from './usage-pump.service.js';

/** Together with the second that news of a key may take, a stream is closed within the two that are promised. */
const SWEEP_MS = 500;
const BEAT_MS = 15_000;

/** What they are now. `null`: no key any more, and one that the caller does not reach. */
type BothKeys = { readonly caller: KeyView | null; readonly watched: KeyState | null };

/**
 * Looks after those who listen, as running calls are looked after: each is held to what its key is now, and closed when
 * that would be refused, or when the watched key is revoked. It keeps them alive with heartbeats too.
 */
@Injectable()
export class ListenerCare {
  readonly #beingRead = new Set<Listener>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly listeners: Listeners,
    private readonly pump: UsagePump,
    private readonly callers: CallersAndKeys,
    private readonly metrics: LiveMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws {AppError} as {@link Listeners.assertRoomFor} */
  assertRoomFor(key: FeedKey): void {
    this.listeners.assertRoomFor(key);
  }

  takeOn(listener: Listener): void {
    this.listeners.add(listener);
    listener.onEnd((closing) => {
      this.listeners.remove(listener);
      this.metrics.ended(closing);
    });
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** It has all of the past. The first heartbeat tells it so, and where it is. */
  begin(listener: Listener): void {
    listener.release();
    this.#beat(listener);
  }

  closeAll(closing: Closing): void {
    for (const listener of this.listeners.all()) listener.close(closing);
  }

  #sweep(): void {
    const now = performance.now();
    for (const listener of this.listeners.all()) {
      listener.dropIfSlow();
      this.#closeUnless(listener, () => this.callers.assertAdmitted(listener, listener.caller));
      if (listener.isOpen && !this.#beingRead.has(listener)) this.#look(listener);
      if (listener.isLive && now - listener.beatAt >= BEAT_MS) this.#beat(listener);
    }
    if (this.listeners.count > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #beat(listener: Listener): void {
    const message = this.pump.heartbeat();
    if (message && listener.isOpen) listener.beat(message);
  }

  #look(listener: Listener): void {
    const caller = this.callers.callerOf(listener);
    const now =
      caller instanceof Promise
        ? caller.then((found) => this.#seenBy(listener, found))
        : this.#seenBy(listener, caller);
    if (now instanceof Promise) void this.#await(listener, now);
    else this.#judge(listener, now);
  }

  #seenBy(listener: Listener, caller: KeyView | null): BothKeys | Promise<BothKeys> {
    const watched = caller && this.callers.watchedBy(listener, caller);
    return watched instanceof Promise
      ? watched.then((found) => ({ caller, watched: found }))
      : { caller, watched };
  }

  async #await(listener: Listener, reading: Promise<BothKeys>): Promise<void> {
    this.#beingRead.add(listener);
    try {
      this.#judge(listener, await reading);
    } catch (error) {
      // New streams are refused while PostgreSQL is away; what is open stays, and is looked at again.
      this.logger.debug({ err: error }, 'The keys of a stream could not be read');
    } finally {
      this.#beingRead.delete(listener);
    }
  }

  #judge(listener: Listener, { caller, watched }: BothKeys): void {
    this.#closeUnless(listener, () => {
      if (!caller) throw new AppError('invalid_api_key');
      this.callers.assertAdmitted(listener, caller);
      listener.caller = caller;
      if (!watched) throw new AppError('not_found');
    });
    if (!watched) return;
    if (!this.callers.isInUse(watched)) listener.close(WATCHED_KEY_REVOKED);
    listener.key = watched;
  }

  #closeUnless(listener: Listener, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      listener.close(refusedWith(error));
    }
  }
}
