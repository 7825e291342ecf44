import { Module } from '@nestjs/common';

import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { SessionRepository } from '../sessions/session.repository.js';
import { ACCOUNTS_JOBS } from './accounts.jobs.js';
import { PurgeAccountsProcessor, SendPasswordResetProcessor } from './accounts.processors.js';
import { PasswordResetRepository } from './password-reset.repository.js';
import { SendPasswordResetService } from './send-password-reset.service.js';

/** Apart from the rest of `auth`, because workers, which serve no callers, have its jobs. */
@Module({
  imports: [NotificationsModule, OrganizationSettingsModule],
  providers: [
    ACCOUNTS_JOBS,
    PasswordResetRepository,
    PurgeAccountsProcessor,
    SendPasswordResetProcessor,
    SendPasswordResetService,
    SessionRepository,
  ],
  exports: [PasswordResetRepository, SessionRepository],
})
export class AccountJobsModule {}
