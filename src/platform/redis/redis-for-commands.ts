import { Redis, type RedisOptions } from 'ioredis';

import type { Secret } from '#common/secret/secret.js';

const MAX_CONNECT_MS = 2_000;
const MAX_RETRY_MS = 500;

/** What can't be sent now is refused now: a command that waits in a queue of the client is one that nobody counts. */
export const NO_QUEUES: RedisOptions = {
  lazyConnect: true,
  connectTimeout: MAX_CONNECT_MS,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
};

/**
 * A connection, not yet opened, whose commands succeed or fail within `maxMs`. Once opened it reconnects by itself, and
 * meanwhile each command fails with the reason.
 */
export function redisForCommands(url: Secret, maxMs: number): Redis {
  const redis = new Redis(url.reveal(), {
    ...NO_QUEUES,
    commandTimeout: maxMs,
    // A connection that stays silent is replaced; otherwise every command fails until the kernel gives it up.
    socketTimeout: maxMs,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_RETRY_MS),
  });
  redis.on('error', () => {
    // Each command that fails says so.
  });
  return redis;
}
