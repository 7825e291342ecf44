import { Global, Module } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CountryLookup } from './country-lookup.port.js';
import { MmdbCountryLookup } from './mmdb.country-lookup.js';

/** The country of an address. A database that can't be used fails the start. */
@Global()
@Module({
  providers: [
    {
      provide: CountryLookup,
      inject: [CONFIG, LOGGER],
      useFactory: (config: Config, logger: Logger) => MmdbCountryLookup.open(config, logger),
    },
  ],
  exports: [CountryLookup],
})
export class GeoIpModule {}
