import { Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { QueueBackend, type BackedQueue } from './queue-backend.port.js';
import { QueueErrorLog } from './queue-error-log.js';
import { within } from '#common/time/within.js';

const MAX_OPEN_MS = 5_000;

/** The queues of this process, each opened once, when it is first needed. */
@Injectable()
export class JobQueues implements OnApplicationShutdown {
  readonly #open = new Map<string, Promise<BackedQueue>>();

  constructor(
    private readonly backend: QueueBackend,
    private readonly errors: QueueErrorLog,
  ) {}

  /** Rejects within 5 s when the store can't be reached; the next call tries again. */
  open(name: string): Promise<BackedQueue> {
    const current = this.#open.get(name);
    if (current) return current;
    const opening = this.#create(name);
    this.#open.set(name, opening);
    return opening;
  }

  /** Late: until the last request is answered there may be something to publish. */
  async onApplicationShutdown(): Promise<void> {
    // What did not open has closed itself.
    await Promise.allSettled(
      [...this.#open.values()].map(async (opening) => (await opening).close()),
    );
    await this.backend.close();
  }

  async #create(name: string): Promise<BackedQueue> {
    const queue = this.backend.createQueue(name);
    queue.on('error', (error) => this.errors.report(name, error));
    try {
      await within(MAX_OPEN_MS, queue.waitUntilReady(), `The queue ${name} did not open in time.`);
      return queue;
    } catch (error) {
      // BullMQ remembers that it could not connect, so this object is of no more use.
      this.#open.delete(name);
      await queue.close();
      throw error;
    }
  }
}
