import { Module } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { AuthModule } from '#modules/auth/index.js';
import { KeysModule } from '#modules/keys/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { LeakPublicKeys } from './leak-public-keys.js';
import { LeaksController } from './leaks.controller.js';
import { LeaksMetrics } from './leaks.metrics.js';
import { ReportLeaksService } from './report-leaks.service.js';
import { SignedBody } from './signed-body.js';

/** Reports of keys that have leaked. Public keys that can't be used fail the start. */
@Module({
  imports: [AuthModule, KeysModule],
  controllers: [LeaksController],
  providers: [
    LeaksMetrics,
    ReportLeaksService,
    SignedBody,
    {
      provide: LeakPublicKeys,
      inject: [CONFIG, Clock, LOGGER],
      useFactory: (config: Config, clock: Clock, logger: Logger) =>
        LeakPublicKeys.open(config, clock, logger),
    },
  ],
})
export class LeaksModule {}
