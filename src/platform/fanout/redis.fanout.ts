import { Redis } from 'ioredis';

import type { Secret } from '#common/secret/secret.js';
import { connectRedis } from '#platform/redis/connect-redis.js';
import { NO_QUEUES, redisForCommands } from '#platform/redis/redis-for-commands.js';

import {
  type FanoutLink,
  type FanoutLinkEvents,
  type FanoutMedium,
  MAX_PROBE_MS,
  MAX_SEND_MS,
} from './linked.fanout.js';

/**
 * Redis pub/sub (https://redis.io/docs/latest/develop/pubsub/): at most once, and lost for whoever is away. Redis runs
 * commands one after the other and answers a connection in order, which makes PING on the subscribed connection a proof
 * that nothing is under way.
 */
export class RedisMedium implements FanoutMedium {
  readonly name = 'Redis';
  readonly #channel: string;
  readonly #sender: Redis;

  /** @param namespace keeps installations that share one Redis apart */
  constructor(
    private readonly redisUrl: Secret,
    namespace: string,
  ) {
    this.#channel = `${namespace}:fanout`;
    this.#sender = redisForCommands(redisUrl, MAX_SEND_MS);
  }

  async open(events: FanoutLinkEvents): Promise<FanoutLink> {
    if (this.#sender.status === 'wait') await connectRedis(this.#sender);
    const subscriber = new Redis(this.redisUrl.reveal(), {
      ...NO_QUEUES,
      commandTimeout: MAX_PROBE_MS,
      // Reconnecting is the link's owner's work: a silent reconnection would hide what was missed.
      retryStrategy: () => null,
    });
    let lastError = new Error('Redis has closed the connection.');
    subscriber.on('error', (error) => {
      lastError = error;
      events.onLost(error);
    });
    subscriber.on('close', () => events.onLost(lastError));
    subscriber.on('message', (_channel: string, message: string) => events.onMessage(message));
    try {
      await connectRedis(subscriber);
      await subscriber.subscribe(this.#channel);
    } catch (error) {
      subscriber.disconnect();
      throw error;
    }
    return {
      probe: async () => {
        await subscriber.ping();
      },
      close: () => subscriber.disconnect(),
    };
  }

  async send(message: string): Promise<void> {
    await this.#sender.publish(this.#channel, message);
  }

  close(): Promise<void> {
    this.#sender.disconnect();
    return Promise.resolve();
  }
}
