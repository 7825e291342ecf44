import { Inject, Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { Fanout } from './fanout.port.js';
import { Instances } from './instances.js';

/** How far a change has got. */
export type Propagation = {
  /** Processes that were running when it was asked. */
  readonly instances: number;
  /** How many of them have said that they know. */
  readonly acknowledged: number;
  /** Milliseconds until the last of them had; `null` when not all have in time. */
  readonly atMs: number | null;
};

type Collection = {
  readonly missing: Set<string>;
  readonly complete: () => void;
};

const WANTED_TOPIC = 'fanout.receipt-wanted';
/** The payload is the receipt's id and the instance's. */
const GIVEN_TOPIC = 'fanout.receipt-given';
const MAX_COLLECTIONS = 1_000;

/** Publishes, and finds out when every live instance has handled it. */
@Injectable()
export class Receipts {
  readonly #collections = new Map<string, Collection>();

  constructor(
    private readonly fanout: Fanout,
    private readonly instances: Instances,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    fanout.subscribe(WANTED_TOPIC, (receipt) => void this.#give(receipt));
    fanout.subscribe(GIVEN_TOPIC, (payload) => this.#take(payload));
  }

  /**
   * Resolves as soon as all live instances have handled the message, or `waitMs` later; also where it could not be
   * handed over, which leaves receipts missing. It never rejects, since what it tells of is done: `null` when nothing can
   * be said of it.
   */
  async publish(topic: string, payload: string, waitMs: number): Promise<Propagation | null> {
    const since = performance.now();
    const live = await this.#live();
    if (!live || this.#collections.size >= MAX_COLLECTIONS) return null;
    const missing = new Set(live);
    const isComplete = await this.#collect(missing, waitMs, async (receipt) => {
      await this.fanout.publish(topic, payload);
      await this.fanout.publish(WANTED_TOPIC, receipt);
    });
    return {
      instances: live.size,
      acknowledged: live.size - missing.size,
      atMs: isComplete ? Math.ceil(performance.now() - since) : null,
    };
  }

  /** @returns whether `missing` became empty in time */
  async #collect(
    missing: Set<string>,
    waitMs: number,
    ask: (receipt: string) => Promise<void>,
  ): Promise<boolean> {
    const receipt = newId('receipt');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        this.#collections.set(receipt, { missing, complete: () => resolve(true) });
        timer = setTimeout(() => resolve(false), waitMs);
        ask(receipt).catch((error: unknown) => {
          this.logger.warn({ err: error }, 'Other instances could not be asked for a receipt');
          resolve(false);
        });
      });
    } finally {
      clearTimeout(timer);
      this.#collections.delete(receipt);
    }
  }

  async #live(): Promise<ReadonlySet<string> | null> {
    try {
      return await this.instances.live();
    } catch (error) {
      this.logger.warn({ err: error }, 'It could not be read which instances live');
      return null;
    }
  }

  async #give(receipt: string): Promise<void> {
    try {
      await this.fanout.publish(GIVEN_TOPIC, `${receipt} ${this.instances.ownId}`);
    } catch (error) {
      // Whoever waits for it sees that it is missing.
      this.logger.debug({ err: error }, 'A receipt could not be given');
    }
  }

  #take(payload: string): void {
    const [receipt = '', instance = ''] = payload.split(' ');
    const collection = this.#collections.get(receipt);
    if (collection?.missing.delete(instance) && collection.missing.size === 0) {
      collection.complete();
    }
  }
}
