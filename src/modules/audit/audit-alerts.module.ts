import { Module } from '@nestjs/common';

import { KeyStoreModule } from '#modules/keys/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { ALERT_JOBS } from './alerts/alerts.jobs.js';
import { WatchCostsProcessor, WatchLogsProcessor } from './alerts/alerts.processors.js';
import { RaiseAlertsService } from './alerts/raise-alerts.service.js';
import { WatchCostsService } from './alerts/watch-costs.service.js';
import { WatchEntriesService } from './alerts/watch-entries.service.js';
import { WatchFailures } from './alerts/watch-failures.js';
import { WatchLogService } from './alerts/watch-log.service.js';
import { WatchRepository } from './alerts/watch.repository.js';

/** Watches what becomes of keys. Without routes, since workers do it. */
@Module({
  imports: [KeyStoreModule, OrganizationSettingsModule, UsageModule],
  providers: [
    ALERT_JOBS,
    RaiseAlertsService,
    WatchCostsProcessor,
    WatchCostsService,
    WatchEntriesService,
    WatchFailures,
    WatchLogService,
    WatchLogsProcessor,
    WatchRepository,
  ],
})
export class AuditAlertsModule {}
