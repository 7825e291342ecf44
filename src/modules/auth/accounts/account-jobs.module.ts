import { Module } from '@nestjs/common';

import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { SessionRepository } from '../sessions/session.repository.js';
import { ACCOUNTS_JOBS } from './accounts.jobs.js';
import {
  PurgeAccountsProcessor,
  SendPasswordResetProcessor,
  TellLockOutProcessor,
} from './accounts.processors.js';
import { PasswordResetRepository } from './password-reset.repository.js';
import { OpenPasswordResetService } from './open-password-reset.service.js';
import { RecordAccountEvent } from './record-account-event.js';
import { SendPasswordResetService } from './send-password-reset.service.js';
import { TellLockOutService } from './tell-lock-out.service.js';

/** Apart from the rest of `auth`, because workers, which serve no callers, have its jobs. */
@Module({
  imports: [NotificationsModule, OrganizationSettingsModule],
  providers: [
    ACCOUNTS_JOBS,
    OpenPasswordResetService,
    PasswordResetRepository,
    PurgeAccountsProcessor,
    RecordAccountEvent,
    SendPasswordResetProcessor,
    SendPasswordResetService,
    SessionRepository,
    TellLockOutProcessor,
    TellLockOutService,
  ],
  exports: [PasswordResetRepository, RecordAccountEvent, SessionRepository],
})
export class AccountJobsModule {}
