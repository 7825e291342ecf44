import { Global, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { DATABASE_URL } from '#platform/database/database.module.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { redisNamespace } from '#platform/redis/redis-namespace.js';

import { Fanout } from './fanout.port.js';
import { InstancesModule } from './instances.js';
import { LinkedFanout } from './linked.fanout.js';
import { PostgresMedium } from './postgres.fanout.js';
import { Receipts } from './receipts.js';
import { RedisMedium } from './redis.fanout.js';

/** Messages between instances: over Redis where there is one, else over PostgreSQL. */
@Global()
@Module({
  imports: [InstancesModule],
  providers: [
    {
      provide: LinkedFanout,
      inject: [CONFIG, DATABASE_URL, TransactionRunner, LOGGER],
      useFactory: async (
        { redisUrl }: Config,
        databaseUrl: Secret,
        transactions: TransactionRunner,
        logger: Logger,
      ) =>
        new LinkedFanout(
          redisUrl === null
            ? new PostgresMedium(databaseUrl)
            : new RedisMedium(redisUrl, await redisNamespace(transactions)),
          logger,
        ),
    },
    { provide: Fanout, useExisting: LinkedFanout },
    Receipts,
  ],
  exports: [Fanout, Receipts],
})
export class FanoutModule implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly fanout: LinkedFanout) {}

  onModuleInit(): Promise<void> {
    return this.fanout.start();
  }

  /** Late: until the last request is answered there may be something to tell the others. */
  onApplicationShutdown(): Promise<void> {
    return this.fanout.close();
  }
}
