import { Module } from '@nestjs/common';

import { KeyBudgetsModule } from '#modules/limits/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { ExpireApprovalsService } from '../approvals/expire-approvals.service.js';
import { KeyStoreModule } from '../key-store.module.js';
import { FindUnusedKeysProcessor } from './find-unused-keys.processor.js';
import { FindUnusedKeysService } from './find-unused-keys.service.js';
import { KEY_LIFECYCLE_JOBS } from './key-lifecycle.jobs.js';
import { KeyLifecycleRepository } from './key-lifecycle.repository.js';
import { RetireUnusedKeyService } from './retire-unused-key.service.js';
import { SweepKeysProcessor } from './sweep-keys.processor.js';
import { TellDueKeyService } from './tell-due-key.service.js';
import { TellDueKeysService } from './tell-due-keys.service.js';

/** What becomes of keys by time alone. Without routes, since workers have it too. */
@Module({
  imports: [KeyBudgetsModule, OrganizationSettingsModule, KeyStoreModule, UsageModule],
  providers: [
    ExpireApprovalsService,
    FindUnusedKeysProcessor,
    FindUnusedKeysService,
    KEY_LIFECYCLE_JOBS,
    KeyLifecycleRepository,
    RetireUnusedKeyService,
    SweepKeysProcessor,
    TellDueKeyService,
    TellDueKeysService,
  ],
})
export class KeyLifecycleModule {}
