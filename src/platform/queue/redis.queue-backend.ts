import { createRedisBackend, withBackend } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';

import type { Secret } from '#common/secret/secret.js';
import { connectRedis } from '#platform/redis/connect-redis.js';

import {
  type BackedProcessor,
  type BackedQueue,
  type BackedWorker,
  QueueBackend,
} from './queue-backend.port.js';
import { EVENT_STREAMS, JOB_OPTIONS, STALLED_INTERVAL_MS } from './queue-settings.js';

const CONNECT_TIMEOUT_MS = 3_000;
const COMMAND_TIMEOUT_MS = 5_000;
const MAX_RETRY_MS = 1_000;
/** When BullMQ asks again while an operation fails because the connection is closed. Its default is 15 s. */
const RETRY_MS = 1_000;

const { Queue, Worker } = withBackend(createRedisBackend);

const CONNECTION: RedisOptions = {
  lazyConnect: true,
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: (attempt) => Math.min(attempt * 100, MAX_RETRY_MS),
};

/** BullMQ on Redis, which must not evict keys (`maxmemory-policy noeviction`). */
export class RedisQueueBackend extends QueueBackend {
  /** Publishing fails at once while Redis is away: whoever publishes is waited for. */
  readonly #publishing: Redis;
  /** Workers wait until Redis is back, as BullMQ demands of them. */
  readonly #working: Redis;

  /** @param prefix keeps installations that share one Redis apart */
  constructor(
    redisUrl: Secret,
    private readonly prefix: string,
  ) {
    super();
    this.#publishing = new Redis(redisUrl.reveal(), {
      ...CONNECTION,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      socketTimeout: COMMAND_TIMEOUT_MS,
    });
    this.#working = new Redis(redisUrl.reveal(), { ...CONNECTION, maxRetriesPerRequest: null });
    for (const redis of [this.#publishing, this.#working]) {
      redis.setMaxListeners(0);
      redis.on('error', () => {
        // Queues and workers forward it to their own listeners, which log it.
      });
    }
  }

  override async prepare(): Promise<void> {
    try {
      await connectRedis(this.#publishing);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  override createQueue(name: string): BackedQueue {
    return new Queue<object, void>(name, {
      connection: this.#publishing,
      prefix: this.prefix,
      defaultJobOptions: JOB_OPTIONS,
      streams: EVENT_STREAMS,
    });
  }

  override createWorker(
    name: string,
    processor: BackedProcessor,
    concurrency: number,
  ): BackedWorker {
    return new Worker<object, void>(name, processor, {
      connection: this.#working,
      prefix: this.prefix,
      autorun: false,
      concurrency,
      runRetryDelay: RETRY_MS,
      stalledInterval: STALLED_INTERVAL_MS,
    });
  }

  override close(): Promise<void> {
    this.#publishing.disconnect();
    this.#working.disconnect();
    return Promise.resolve();
  }
}
