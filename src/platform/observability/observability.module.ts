import { type DynamicModule, Global, Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';

import { HealthController } from './health.controller.js';
import { HealthRegistry } from './health.registry.js';
import { LOGGER, type Logger } from './logger.js';
import { METRICS } from './metrics.js';
import { MetricsController } from './metrics.controller.js';

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
          provide: METRICS,
          useFactory: () => {
            const registry = new Registry();
            collectDefaultMetrics({ register: registry });
            return registry;
          },
        },
      ],
      exports: [LOGGER, METRICS, HealthRegistry],
    };
  }
}
