import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import type { Secret } from '#common/secret/secret.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { DATABASE_URL } from '#platform/database/database.module.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { redisNamespace } from '#platform/redis/redis-namespace.js';

import { JobPublisher } from './job-publisher.js';
import { JobQueues } from './job-queues.js';
import { JobRegistry } from './job-registry.js';
import { JobScheduler } from './job-scheduler.js';
import { JobWorkers } from './job-workers.js';
import { PostgresQueueBackend } from './postgres.queue-backend.js';
import { QueueBackend } from './queue-backend.port.js';
import { QueueErrorLog } from './queue-error-log.js';
import { RedisQueueBackend } from './redis.queue-backend.js';
import { TypedWorkerHost } from './typed-worker-host.js';

/** Jobs: on Redis where there is one, else in PostgreSQL. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: QueueBackend,
      inject: [CONFIG, DATABASE_URL, TransactionRunner],
      useFactory: async (
        { redisUrl }: Config,
        databaseUrl: Secret,
        transactions: TransactionRunner,
      ): Promise<QueueBackend> => {
        const backend =
          redisUrl === null
            ? new PostgresQueueBackend(databaseUrl)
            : new RedisQueueBackend(redisUrl, await redisNamespace(transactions));
        await backend.prepare();
        return backend;
      },
    },
    JobRegistry,
    JobQueues,
    JobPublisher,
    JobScheduler,
    JobWorkers,
    QueueErrorLog,
    TypedWorkerHost,
  ],
  exports: [JobPublisher],
})
export class QueueModule {}
