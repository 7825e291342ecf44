import { Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';

import { AppErrorFilter } from './app-error.filter.js';
import { Clients } from './clients.js';
import { ErrorResponder } from './error-responder.js';
import { HotRoutes } from './hot-routes.js';
import { RouteFinder } from './route-finder.js';
import { IDEMPOTENCY_JOBS } from './idempotency/idempotency.jobs.js';
import { IdempotencyStore } from './idempotency/idempotency.store.js';
import { PurgeIdempotencyProcessor } from './idempotency/purge-idempotency.processor.js';
import { MANAGEMENT_CALLS_PER_MINUTE } from './throttle/management-throttle.guard.js';
import { SharedThrottlerStorage } from './throttle/shared-throttler-storage.js';
import { ThrottleModule } from './throttle/throttle.module.js';
import { Throttles } from './throttle/throttles.js';

@Global()
@Module({
  imports: [
    ThrottleModule,
    ThrottlerModule.forRootAsync({
      inject: [Throttles],
      useFactory: (throttles: Throttles) => ({
        throttlers: [{ ttl: 60_000, limit: MANAGEMENT_CALLS_PER_MINUTE }],
        setHeaders: false,
        storage: new SharedThrottlerStorage(throttles.open('management_requests')),
      }),
    }),
  ],
  providers: [
    Clients,
    ErrorResponder,
    HotRoutes,
    IDEMPOTENCY_JOBS,
    IdempotencyStore,
    RouteFinder,
    PurgeIdempotencyProcessor,
    { provide: APP_FILTER, useClass: AppErrorFilter },
  ],
  exports: [Clients, ErrorResponder, HotRoutes, IdempotencyStore, RouteFinder, ThrottlerModule],
})
export class HttpModule {}
