import { type DynamicModule, Global, Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { HealthController } from './health.controller.js';
import { HealthRegistry } from './health.registry.js';
import { LOGGER, type Logger } from './logger.js';
import { METRICS } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import { Telemetry } from './telemetry/telemetry.js';

@Global()
@Module({})
export class ObservabilityModule {
  static forRoot(logger: Logger): DynamicModule {
    return {
      module: ObservabilityModule,
      controllers: [HealthController, MetricsController],
      providers: [
        HealthRegistry,
        { provide: LOGGER, useValue: logger },
        {
          provide: Telemetry,
          useFactory: ({ telemetry }: Config, registry: Registry) =>
            Telemetry.open(telemetry, logger, registry),
          inject: [CONFIG, METRICS],
        },
        {
          provide: METRICS,
          useFactory: () => {
            const registry = new Registry();
            collectDefaultMetrics({ register: registry });
            return registry;
          },
        },
      ],
      exports: [LOGGER, METRICS, HealthRegistry, Telemetry],
    };
  }
}
