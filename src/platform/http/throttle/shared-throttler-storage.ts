import type { ThrottlerStorage } from '@nestjs/throttler';

import type { SharedThrottle } from './shared-throttle.js';

/**
 * `@nestjs/throttler` on the count that all instances share. Who is over the limit is blocked until the window ends:
 * there is no longer block, whatever `blockDuration` says.
 */
export class SharedThrottlerStorage implements ThrottlerStorage {
  constructor(private readonly throttle: SharedThrottle) {}

  async increment(
    key: string,
    ttl: number,
    limit: number,
  ): ReturnType<ThrottlerStorage['increment']> {
    const { hits, resetsInSeconds } = await this.throttle.hit(key, { limit, windowMs: ttl });
    return {
      totalHits: hits,
      timeToExpire: resetsInSeconds,
      isBlocked: hits > limit,
      timeToBlockExpire: resetsInSeconds,
    };
  }
}
