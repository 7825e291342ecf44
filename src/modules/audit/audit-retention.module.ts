import { Module } from '@nestjs/common';

import { KeyStoreModule } from '#modules/keys/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { AuditLogModule } from './audit-log.module.js';
import { CutSegmentsService } from './retention/cut-segments.service.js';
import { FindSegmentsService } from './retention/find-segments.service.js';
import { FollowRetentionService } from './retention/follow-retention.service.js';
import { RemovalRepository } from './retention/removal.repository.js';
import { RemoveEntriesProcessor } from './retention/remove-entries.processor.js';
import { RemoveEntriesService } from './retention/remove-entries.service.js';
import { RetentionRepository } from './retention/retention.repository.js';

/** Removes entries of the audit log when their time is over. */
@Module({
  imports: [AuditLogModule, KeyStoreModule, OrganizationSettingsModule],
  providers: [
    CutSegmentsService,
    FindSegmentsService,
    FollowRetentionService,
    RemovalRepository,
    RemoveEntriesProcessor,
    RemoveEntriesService,
    RetentionRepository,
  ],
})
export class AuditRetentionModule {}
