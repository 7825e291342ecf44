import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { KeysModule } from '#modules/keys/index.js';
import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { AccessControl } from './access-control.js';
import { AccessGuard } from './access.guard.js';
import { AcceptInvitationController } from './accounts/accept-invitation.controller.js';
import { AcceptInvitationService } from './accounts/accept-invitation.service.js';
import { AccountAttempts } from './accounts/account-attempts.js';
import { AccountJobsModule } from './accounts/account-jobs.module.js';
import { AccountsController } from './accounts/accounts.controller.js';
import { Browsers } from './accounts/browsers.js';
import { ChangePasswordService } from './accounts/change-password.service.js';
import { CheckPasswordService } from './accounts/check-password.service.js';
import { MailInvitations } from './accounts/mail-invitations.js';
import { LogInService } from './accounts/log-in.service.js';
import { PasswordHasher } from './accounts/password-hasher.js';
import { PasswordsController } from './accounts/passwords.controller.js';
import { ProveInvitedService } from './accounts/prove-invited.service.js';
import { ReadCallingUserService } from './accounts/read-calling-user.service.js';
import { RecordRefusedLogIn } from './accounts/record-refused-log-in.js';
import { SetPasswordService } from './accounts/set-password.service.js';
import { ReportLockOutService } from './accounts/report-lock-out.service.js';
import { RequestPasswordResetService } from './accounts/request-password-reset.service.js';
import { ResetPasswordService } from './accounts/reset-password.service.js';
import { SignUpService } from './accounts/sign-up.service.js';
import { AppPassport } from './app-passport.js';
import { BearerKeyStrategy } from './bearer-key.strategy.js';
import { FailedAttempts } from './failed-attempts.js';
import { NoncesModule } from './nonces/nonces.module.js';
import { RequestClients } from './request-client.js';
import { EndSessionsService } from './sessions/end-sessions.service.js';
import { IssueSessionService } from './sessions/issue-session.service.js';
import { SessionDirectory } from './sessions/session-directory.service.js';
import { SessionIssuer } from './sessions/session-issuer.port.js';
import { SessionNews } from './sessions/session-news.js';
import { SessionReader } from './sessions/session-reader.js';
import { SessionStrategy } from './sessions/session.strategy.js';
import { SessionUses } from './sessions/session-uses.service.js';
import { RequestSignatures } from './signing/request-signatures.js';
import { TicketStrategy } from './tickets/ticket.strategy.js';
import { Tickets } from './tickets/tickets.store.js';
import { WatchedUses } from './watched-uses.js';

@Module({
  imports: [
    NotificationsModule,
    AccountJobsModule,
    KeysModule,
    NoncesModule,
    OrganizationSettingsModule,
  ],
  controllers: [AccountsController, PasswordsController, AcceptInvitationController],
  providers: [
    AccessControl,
    AppPassport,
    BearerKeyStrategy,
    FailedAttempts,
    RequestClients,
    RequestSignatures,
    Tickets,
    TicketStrategy,
    WatchedUses,
    AcceptInvitationService,
    AccountAttempts,
    Browsers,
    ChangePasswordService,
    CheckPasswordService,
    LogInService,
    MailInvitations,
    PasswordHasher,
    ProveInvitedService,
    ReadCallingUserService,
    RecordRefusedLogIn,
    ReportLockOutService,
    RequestPasswordResetService,
    ResetPasswordService,
    SetPasswordService,
    SignUpService,
    EndSessionsService,
    SessionDirectory,
    SessionNews,
    SessionReader,
    SessionStrategy,
    SessionUses,
    { provide: SessionIssuer, useClass: IssueSessionService },
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [FailedAttempts, RequestClients, Tickets],
})
export class AuthModule {}
