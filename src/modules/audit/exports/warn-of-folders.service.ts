import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { ObjectStore } from '#platform/object-store/object-store.port.js';

import { ExportRepository } from './export.repository.js';

/** Says at start what would otherwise be found out at the first download: a data folder is one instance's. */
@Injectable()
export class WarnOfFoldersService implements OnApplicationBootstrap {
  constructor(
    private readonly exports: ExportRepository,
    private readonly store: ObjectStore,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.store.isShared) return;
    const isOneOfSeveral =
      this.config.role !== 'all' ||
      (await this.exports.existsElsewhere(await this.store.location()));
    if (!isOneOfSeveral) return;
    this.logger.warn(
      { role: this.config.role },
      'Exports are kept in the data folder of the instance that makes them, and this is not the only one: set LATCHKEY_S3_BUCKET on all of them',
    );
  }
}
