import { type DynamicModule, Global, Module } from '@nestjs/common';

import { Clock, SystemClock } from '#common/time/clock.js';

import type { Config } from './env.js';

/** DI token of the validated {@link Config}. */
export const CONFIG = Symbol('config');

@Global()
@Module({})
export class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Clock, useClass: SystemClock },
      ],
      exports: [CONFIG, Clock],
    };
  }
}
