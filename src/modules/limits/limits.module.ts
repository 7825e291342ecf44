import { Module } from '@nestjs/common';

import { InstancesModule } from '#platform/fanout/instances.js';

import { AllowanceAlerts } from './allowance-alerts.js';
import { CallLimiter } from './call-limiter.service.js';
import { LeaseKeeper } from './leases/lease-keeper.service.js';
import { LimitsMetrics } from './limits.metrics.js';
import { AllowanceStore } from './store/allowance-store.port.js';
import { PostgresAllowanceStore } from './store/postgres.allowance-store.js';

@Module({
  imports: [InstancesModule],
  providers: [
    AllowanceAlerts,
    CallLimiter,
    LeaseKeeper,
    LimitsMetrics,
    { provide: AllowanceStore, useClass: PostgresAllowanceStore },
  ],
  exports: [CallLimiter],
})
export class LimitsModule {}
