import type { Redis } from 'ioredis';

/** Opens a lazy connection and waits until it takes commands. Rejects at the first failure, saying what is wrong. */
export async function connectRedis(redis: Redis): Promise<void> {
  const reasons: string[] = [];
  const remember = ({ message }: Error): void => {
    reasons.push(message);
  };
  redis.on('error', remember);
  try {
    await redis.connect();
  } catch (error) {
    // What ioredis rejects with says no more than that the connection is closed.
    throw new Error(`Redis can’t be reached: ${reasons.join(', ')}`, { cause: error });
  } finally {
    redis.off('error', remember);
  }
}
