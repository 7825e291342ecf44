import type { Redis } from 'ioredis';

import type { Secret } from '#common/secret/secret.js';
import { connectRedis } from '#platform/redis/connect-redis.js';
import { redisForCommands } from '#platform/redis/redis-for-commands.js';

import { type Counted, type Hits, MAX_STORE_MS, ThrottleStore } from './throttle-store.port.js';

/**
 * A counter without an end gets one, also where it has lost it: none lives for ever. What is taken back of a window that is
 * over by now is nothing in the next one.
 */
const ADD = `
  local counted = {}
  for at, counter in ipairs(KEYS) do
    local windowMs = ARGV[2 * at]
    counted[2 * at - 1] = redis.call('INCRBY', counter, ARGV[2 * at - 1])
    if counted[2 * at - 1] < 0 then
      redis.call('SET', counter, 0, 'KEEPTTL')
      counted[2 * at - 1] = 0
    end
    local endsInMs = redis.call('PTTL', counter)
    if endsInMs < 0 then
      redis.call('PEXPIRE', counter, windowMs)
      endsInMs = tonumber(windowMs)
    end
    counted[2 * at] = endsInMs
  end
  return counted`;

export class RedisThrottleStore extends ThrottleStore {
  private constructor(
    private readonly redis: Redis,
    private readonly namespace: string,
  ) {
    super();
  }

  /**
   * Resolves when Redis takes commands, and rejects when it does not.
   * @param namespace keeps installations that share one Redis apart
   */
  static async connect(redisUrl: Secret, namespace: string): Promise<RedisThrottleStore> {
    const redis = redisForCommands(redisUrl, MAX_STORE_MS);
    try {
      await connectRedis(redis);
    } catch (error) {
      redis.disconnect();
      throw error;
    }
    return new RedisThrottleStore(redis, namespace);
  }

  override async add(hits: readonly Hits[]): Promise<readonly Counted[]> {
    const answer = (await this.redis.eval(
      ADD,
      hits.length,
      ...hits.map(({ counter }) => `${this.namespace}:throttle:${counter}`),
      ...hits.flatMap((one) => [one.hits, one.windowMs]),
    )) as number[];
    return hits.map((_, at) => {
      const [total, endsInMs] = answer.slice(2 * at, 2 * at + 2);
      if (total === undefined || endsInMs === undefined) {
        throw new Error('Redis has not counted every hit.');
      }
      return { total, endsInMs };
    });
  }

  override close(): Promise<void> {
    this.redis.disconnect();
    return Promise.resolve();
  }
}
