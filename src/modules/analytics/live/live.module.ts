import { Module } from '@nestjs/common';

import { AuthModule } from '#modules/auth/index.js';
import { KeysModule } from '#modules/keys/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { CallersAndKeys } from './callers-and-keys.js';
import { CostThresholds } from './cost-thresholds.service.js';
import { ListenerCare } from './listener-care.service.js';
import { Listeners } from './listeners.js';
import { LiveMetrics } from './live.metrics.js';
import { LiveUsageController } from './live-usage.controller.js';
import { LiveUsage } from './live-usage.service.js';
import { UsagePump } from './usage-pump.service.js';

@Module({
  imports: [AuthModule, KeysModule, UsageModule],
  controllers: [LiveUsageController],
  providers: [
    CallersAndKeys,
    CostThresholds,
    ListenerCare,
    Listeners,
    LiveMetrics,
    LiveUsage,
    UsagePump,
  ],
})
export class LiveModule {}
