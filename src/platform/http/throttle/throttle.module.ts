import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { DATABASE_URL } from '#platform/database/database.module.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { redisNamespace } from '#platform/redis/redis-namespace.js';

import { PostgresThrottleStore } from './postgres.throttle-store.js';
import { PurgeThrottleProcessor } from './purge-throttle.processor.js';
import { RedisThrottleStore } from './redis.throttle-store.js';
import { ThrottleStore } from './throttle-store.port.js';
import { THROTTLE_JOBS } from './throttle.jobs.js';
import { Throttles } from './throttles.js';

/** Hits that all instances count together: in Redis where there is one, else in PostgreSQL. */
@Global()
@Module({
  providers: [
    {
      provide: ThrottleStore,
      inject: [CONFIG, DATABASE_URL, TransactionRunner],
      useFactory: async (
        { redisUrl }: Config,
        databaseUrl: Secret,
        transactions: TransactionRunner,
      ): Promise<ThrottleStore> =>
        redisUrl === null
          ? new PostgresThrottleStore(databaseUrl)
          : RedisThrottleStore.connect(redisUrl, await redisNamespace(transactions)),
    },
    PurgeThrottleProcessor,
    THROTTLE_JOBS,
    Throttles,
  ],
  exports: [Throttles],
})
export class ThrottleModule implements OnApplicationShutdown {
  constructor(private readonly store: ThrottleStore) {}

  onApplicationShutdown(): Promise<void> {
    return this.store.close();
  }
}
