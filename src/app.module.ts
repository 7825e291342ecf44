import { type DynamicModule, Module } from '@nestjs/common';

import { AnalyticsModule } from '#modules/analytics/index.js';
import {
  AuditAlertsModule,
  AuditJobsModule,
  AuditModule,
  AuditSecurityModule,
  AuditTrailModule,
} from '#modules/audit/index.js';
import { AccountJobsModule, AuthModule, NoncesModule } from '#modules/auth/index.js';
import { BillingModule, CreditsModule } from '#modules/billing/index.js';
import { CatalogModule } from '#modules/catalog/index.js';
import { InferenceModule } from '#modules/inference/index.js';
import { KeyLifecycleModule, KeyRotationModule, KeysModule } from '#modules/keys/index.js';
import { LeaksModule } from '#modules/leaks/index.js';
import { LimitsModule } from '#modules/limits/index.js';
import { NotificationRoutesModule, NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationsModule } from '#modules/organizations/index.js';
import { UsageModule } from '#modules/usage/index.js';
import { ActorsModule } from '#platform/audit-trail/actors.module.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { CryptoModule } from '#platform/crypto/crypto.module.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { EventsModule } from '#platform/events/events.module.js';
import { FanoutModule } from '#platform/fanout/fanout.module.js';
import { GeoIpModule } from '#platform/geoip/geoip.module.js';
import { HttpModule } from '#platform/http/http.module.js';
import { ObservabilityModule } from '#platform/observability/observability.module.js';
import { QueueModule } from '#platform/queue/queue.module.js';

import type { Foundations } from './foundations.js';

const FEATURES = [
  OrganizationsModule,
  LimitsModule,
  KeysModule,
  AuthModule,
  LeaksModule,
  CatalogModule,
  InferenceModule,
  AnalyticsModule,
  BillingModule,
  AuditModule,
  NotificationRoutesModule,
  AuditSecurityModule,
];

/** The composition root. A worker has no routes but health and metrics: it works on the queues and ships usage. */
@Module({})
export class AppModule {
  static forRoot({ config, databaseUrl, rootKey, logger }: Foundations): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        ObservabilityModule.forRoot(logger),
        DatabaseModule.forRoot(databaseUrl),
        CryptoModule.forRoot(rootKey),
        EventsModule,
        ActorsModule,
        AuditTrailModule,
        FanoutModule,
        GeoIpModule,
        QueueModule,
        HttpModule,
        UsageModule,
        CreditsModule,
        NoncesModule,
        AccountJobsModule,
        NotificationsModule,
        KeyRotationModule,
        KeyLifecycleModule,
        AuditAlertsModule,
        AuditJobsModule,
        ...(config.role === 'worker' ? [] : FEATURES),
      ],
    };
  }
}
