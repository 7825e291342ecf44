import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from '#platform/observability/logger.js';

import { Fanout } from './fanout.port.js';

/** One connection that messages arrive on, subscribed and ready. */
export type FanoutLink = {
  /**
   * One round trip on this very connection, bounded. Messages and its answer come in order, so that when it resolves
   * all that was published before it was sent has been received.
   */
  probe(): Promise<void>;
  /** Gives the connection up without waiting. */
  close(): void;
};

export type FanoutLinkEvents = {
  onMessage(message: string): void;
  /** May be called more than once, and after `close`. */
  onLost(error: Error): void;
};

/** The shared medium: a database or broker that hands a text to every process which listens. */
export type FanoutMedium = {
  readonly name: string;
  /** Connects and subscribes, or rejects; bounded. Called again for each new connection. */
  open(events: FanoutLinkEvents): Promise<FanoutLink>;
  /** Resolves when the medium has taken the message; rejects within {@link MAX_SEND_MS}. Never waits for the link. */
  send(message: string): Promise<void>;
  close(): Promise<void>;
};

/** How long handing over one message may take before it counts as failed. */
export const MAX_SEND_MS = 2_000;
/** How long one probe may take before the connection counts as lost. */
export const MAX_PROBE_MS = 1_500;

const PROBE_EVERY_MS = 1_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 1_000;
const MAX_TOPIC_BYTES = 64;
const MAX_PAYLOAD_BYTES = 1_024;
const MAX_SENDING = 1_000;
/** Not a topic that can be published: it says that messages of its sender are missing. */
const GAP_TOPIC = '';

type WatchedLink = { readonly link: FanoutLink; readonly lost: AbortSignal };

/**
 * The one implementation of {@link Fanout}. It proves about once a second that its link still delivers, replaces a lost
 * link for as long as it takes, and then reports a gap. A message that it could not hand over is made up for: as soon
 * as the medium takes messages again it tells all instances, itself included, of a gap.
 */
export class LinkedFanout extends Fanout {
  readonly #handlers = new Map<string, ((payload: string) => void)[]>();
  readonly #gapHandlers: (() => void)[] = [];
  readonly #closing = new AbortController();
  #lastConfirmedAt = -Infinity;
  #sending = 0;
  #owesGap = false;
  #running: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(
    private readonly medium: FanoutMedium,
    private readonly logger: Logger,
    private readonly probeEveryMs = PROBE_EVERY_MS,
  ) {
    super();
  }

  override get lastConfirmedAt(): number {
    return this.#lastConfirmedAt;
  }

  override subscribe(topic: string, handler: (payload: string) => void): void {
    const handlers = this.#handlers.get(topic);
    if (handlers) handlers.push(handler);
    else this.#handlers.set(topic, [handler]);
  }

  override onGap(handler: () => void): void {
    this.#gapHandlers.push(handler);
  }

  /** Rejects when the message was not handed over within {@link MAX_SEND_MS}; every instance then gets a gap later. */
  override async publish(topic: string, payload: string): Promise<void> {
    if (topic === GAP_TOPIC || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) {
      throw new RangeError(`A fan-out topic has 1 to ${MAX_TOPIC_BYTES} bytes.`);
    }
    if (Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES) {
      throw new RangeError(`A fan-out message has at most ${MAX_PAYLOAD_BYTES} bytes.`);
    }
    try {
      await this.#send(topic, payload);
    } catch (error) {
      this.#owesGap = true;
      throw error;
    }
  }

  /** Waits for the first link. Rejects when there can be none, for instance because the medium is not there. */
  async start(): Promise<void> {
    try {
      const watched = await this.#open();
      this.#running = this.#keepUp(watched);
    } catch (error) {
      throw new Error(`Can’t listen for messages of other instances on ${this.medium.name}.`, {
        cause: error,
      });
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.medium.close();
  }

  async #keepUp(first: WatchedLink): Promise<void> {
    let current: WatchedLink | null = first;
    while (current) {
      const reason = await this.#watch(current);
      current.link.close();
      current = this.#closing.signal.aborted ? null : await this.#replace(reason);
    }
  }

  /** Probes until the link is lost or this closes, and answers why the link was lost. */
  async #watch({ link, lost }: WatchedLink): Promise<unknown> {
    const signal = AbortSignal.any([lost, this.#closing.signal]);
    try {
      while (!signal.aborted) {
        if (this.#owesGap) await this.#payGap();
        await sleep(this.probeEveryMs, undefined, { signal, ref: false });
        await this.#confirm(link);
      }
      return signal.reason;
    } catch (error) {
      return lost.aborted ? lost.reason : error;
    }
  }

  /** A new link, however long it takes, or `null` when this closes first. */
  async #replace(reason: unknown): Promise<WatchedLink | null> {
    const lostAt = performance.now();
    const medium = this.medium.name;
    this.logger.warn({ medium, err: reason }, 'Fan-out: the connection is lost, reconnecting');
    let retryMs = FIRST_RETRY_MS;
    while (!this.#closing.signal.aborted) {
      try {
        const watched = await this.#open();
        const awayMs = Math.round(performance.now() - lostAt);
        this.logger.info({ medium, awayMs }, 'Fan-out: the connection is back');
        return watched;
      } catch (error) {
        // An operator hears of the loss once and of the return once.
        this.logger.debug({ medium, err: error }, 'Fan-out: reconnecting failed');
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
    return null;
  }

  /** A link that is proven to work. Whatever was published before it was there is reported as missed. */
  async #open(): Promise<WatchedLink> {
    const lost = new AbortController();
    const link = await this.medium.open({
      onMessage: (message) => this.#receive(message),
      onLost: (error) => lost.abort(error),
    });
    try {
      // Before the proof: from then on what is cached counts as current.
      this.#reportGap();
      await this.#confirm(link);
    } catch (error) {
      link.close();
      throw error;
    }
    return { link, lost: lost.signal };
  }

  async #confirm(link: FanoutLink): Promise<void> {
    // Counts from before the probe left: only what was published until then is known to have arrived.
    const sentAt = performance.now();
    await link.probe();
    this.#lastConfirmedAt = sentAt;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#closing.signal });
    } catch {
      // Closing ends every pause.
    }
  }

  async #send(topic: string, payload: string): Promise<void> {
    if (this.#sending >= MAX_SENDING) throw new Error('Too many fan-out messages at once.');
    this.#sending++;
    try {
      await this.medium.send(JSON.stringify([topic, payload]));
    } finally {
      this.#sending--;
    }
  }

  async #payGap(): Promise<void> {
    // Cleared first: a message that fails while this one is under way owes a gap of its own.
    this.#owesGap = false;
    try {
      await this.#send(GAP_TOPIC, '');
    } catch (error) {
      this.#owesGap = true;
      this.logger.debug({ medium: this.medium.name, err: error }, 'Fan-out: still can’t send');
    }
  }

  #receive(message: string): void {
    const [topic, payload] = parse(message);
    if (topic === undefined || payload === undefined) {
      this.logger.warn({ medium: this.medium.name }, 'Fan-out: a message is not one of ours');
    } else if (topic === GAP_TOPIC) {
      this.#reportGap();
    } else {
      for (const handler of this.#handlers.get(topic) ?? []) {
        this.#call(() => handler(payload), topic);
      }
    }
  }

  #reportGap(): void {
    for (const handler of this.#gapHandlers) this.#call(handler, 'gap');
  }

  /** They must not throw; one that does must still not take the connection, or the others' message, with it. */
  #call(handler: () => void, topic: string): void {
    try {
      handler();
    } catch (error) {
      this.logger.error({ topic, err: error }, 'Fan-out: a handler failed');
    }
  }
}

function parse(message: string): readonly [topic?: string, payload?: string] {
  try {
    const value: unknown = JSON.parse(message);
    if (!Array.isArray(value)) return [];
    const [topic, payload] = value as unknown[];
    return typeof topic === 'string' && typeof payload === 'string' ? [topic, payload] : [];
  } catch {
    // The medium is shared: whatever others put there is theirs to understand.
    return [];
  }
}
