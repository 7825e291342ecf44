import { Module } from '@nestjs/common';

import { CreditFundsModule, LimitsModule } from '#modules/limits/index.js';
import { NotificationsModule } from '#modules/notifications/index.js';
import { OrganizationsModule } from '#modules/organizations/index.js';
import { UsageModule } from '#modules/usage/index.js';

import { SettleBelongingService } from './belonging/settle-belonging.service.js';
import { SettleServiceAccountService } from './belonging/settle-service-account.service.js';
import { ApprovalNeeds } from './approvals/approval-needs.service.js';
import { ApprovalRequestRepository } from './approvals/approval-request.repository.js';
import { ApprovalSubjects } from './approvals/approval-subjects.service.js';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { Approvers } from './approvals/approvers.js';
import { DecideApprovalService } from './approvals/decide-approval.service.js';
import { DecideOnSubjectService } from './approvals/decide-on-subject.service.js';
import { DecidedChanges } from './approvals/decided-changes.js';
import { HoldChangeService } from './approvals/hold-change.service.js';
import { InsertKeyService } from './approvals/insert-key.service.js';
import { KeyApprovalsController } from './approvals/key-approvals.controller.js';
import { OpenApprovalService } from './approvals/open-approval.service.js';
import { OpenHeldChanges } from './approvals/open-held-changes.js';
import { ReadApprovalsService } from './approvals/read-approvals.service.js';
import { Requesters } from './approvals/requesters.js';
import { SettleApprovalService } from './approvals/settle-approval.service.js';
import { BootstrapMasterKey } from './bootstrap-master-key.port.js';
import { BootstrapMasterKeyService } from './bootstrap-master-key.service.js';
import { ChangeKeyService } from './change-key.service.js';
import { RevokeKeyService } from './revoke-key.service.js';
import { CallOutlook } from './checks/call-outlook.js';
import { ConsumeLimitsService } from './checks/consume-limits.service.js';
import { JudgeLimitsService } from './checks/judge-limits.service.js';
import { JudgeRequestService } from './checks/judge-request.service.js';
import { KeyChecksController } from './checks/key-checks.controller.js';
import { SimulateRequestService } from './checks/simulate-request.service.js';
import { VerifyKeyService } from './checks/verify-key.service.js';
import { DeactivateLeakedKeyService } from './deactivate-leaked-key.service.js';
import { EnvironmentSettingsRepository } from './environments/environment-settings.repository.js';
import { EnvironmentsController } from './environments/environments.controller.js';
import { ReadEnvironmentsService } from './environments/read-environments.service.js';
import { SetEnvironmentService } from './environments/set-environment.service.js';
import { FindLeakedKeysService } from './find-leaked-keys.service.js';
import { IssueKeyService } from './issue-key.service.js';
import { KeyAccounts } from './key-accounts.service.js';
import { KeyAttributesReader } from './key-attributes.port.js';
import { KeyDirectory } from './key-directory.port.js';
import { KeyDirectoryService } from './key-directory.service.js';
import { KeyFinderService } from './key-finder.service.js';
import { KeyLimitsController } from './key-limits.controller.js';
import { KeyStoreModule } from './key-store.module.js';
import { KeyStates } from './key-states.port.js';
import { KeyStatesService } from './key-states.service.js';
import { KeysController } from './keys.controller.js';
import { LeakedKeys } from './leaked-keys.port.js';
import { PlanKeyChangeService } from './plan-key-change.service.js';
import { PolicySchemaController } from './policy-schema.controller.js';
import { ReadKeyAttributesService } from './read-key-attributes.service.js';
import { ReadKeysService } from './read-keys.service.js';
import { ClaimsController } from './rotation/claims/claims.controller.js';
import { RotateKeyController } from './rotation/rotate-key.controller.js';
import { KeyRotationModule } from './rotation/rotation.module.js';
import { RotationScheduleController } from './rotation/schedules/rotation-schedule.controller.js';
import { SecretUses } from './rotation/secret-uses.service.js';
import { CallingProjectService } from './surfaces/management/calling-project.service.js';
import { ManagementKeysController } from './surfaces/management/management-keys.controller.js';
import { NamedKeysService } from './surfaces/management/named-keys.service.js';
import { ProjectConfigsController } from './surfaces/management/project-configs.controller.js';
import { MultirouteKeysController } from './surfaces/multiroute/multiroute-keys.controller.js';
import { ChangeTemplateService } from './templates/change-template.service.js';
import { DecidedTemplates } from './templates/decided-templates.js';
import { FollowTemplateService } from './templates/follow-template.service.js';
import { HoldTemplateService } from './templates/hold-template.service.js';
import { InheritedPolicies } from './templates/inherited-policies.service.js';
import { IssueInheritingKeyService } from './templates/issue-inheriting-key.service.js';
import { KeyInheritanceRepository } from './templates/key-inheritance.repository.js';
import { PlanTemplateService } from './templates/plan-template.service.js';
import { PolicyImpactController } from './templates/policy-impact.controller.js';
import { PolicyTemplateRepository } from './templates/policy-template.repository.js';
import { PolicyTemplatesController } from './templates/policy-templates.controller.js';
import { RecordTemplateService } from './templates/record-template.service.js';
import { ReadTemplatesService } from './templates/read-templates.service.js';
import { TemplateImpactService } from './templates/template-impact.service.js';
import { WriteTemplateService } from './templates/write-template.service.js';
import { SubjectNames } from './subject-names.service.js';
import { TellOfBudgets } from './tell-of-budgets.service.js';
import { SettleNewKeyService } from './settle-new-key.service.js';
import { SigningSecretController } from './signing-secret.controller.js';
import { SigningSecrets } from './signing-secrets.js';

@Module({
  imports: [
    KeyStoreModule,
    KeyRotationModule,
    CreditFundsModule,
    LimitsModule,
    NotificationsModule,
    OrganizationsModule,
    UsageModule,
  ],
  controllers: [
    KeysController,
    KeyLimitsController,
    KeyChecksController,
    MultirouteKeysController,
    ManagementKeysController,
    ProjectConfigsController,
    SigningSecretController,
    RotateKeyController,
    PolicySchemaController,
    RotationScheduleController,
    ClaimsController,
    PolicyTemplatesController,
    PolicyImpactController,
    EnvironmentsController,
    ApprovalsController,
    KeyApprovalsController,
  ],
  providers: [
    SigningSecrets,
    SettleBelongingService,
    SettleServiceAccountService,
    SettleNewKeyService,
    EnvironmentSettingsRepository,
    ReadEnvironmentsService,
    SetEnvironmentService,
    IssueKeyService,
    ReadKeysService,
    ChangeKeyService,
    RevokeKeyService,
    NamedKeysService,
    CallingProjectService,
    KeyFinderService,
    KeyAccounts,
    CallOutlook,
    ConsumeLimitsService,
    JudgeLimitsService,
    JudgeRequestService,
    VerifyKeyService,
    SimulateRequestService,
    DeactivateLeakedKeyService,
    SubjectNames,
    TellOfBudgets,
    SecretUses,
    PolicyTemplateRepository,
    KeyInheritanceRepository,
    InheritedPolicies,
    IssueInheritingKeyService,
    PlanTemplateService,
    FollowTemplateService,
    RecordTemplateService,
    HoldTemplateService,
    ChangeTemplateService,
    DecidedTemplates,
    WriteTemplateService,
    ReadTemplatesService,
    TemplateImpactService,
    PlanKeyChangeService,
    ApprovalNeeds,
    ApprovalSubjects,
    ApprovalRequestRepository,
    OpenApprovalService,
    OpenHeldChanges,
    InsertKeyService,
    HoldChangeService,
    Requesters,
    Approvers,
    DecidedChanges,
    DecideApprovalService,
    DecideOnSubjectService,
    SettleApprovalService,
    ReadApprovalsService,
    { provide: KeyDirectory, useClass: KeyDirectoryService },
    { provide: BootstrapMasterKey, useClass: BootstrapMasterKeyService },
    { provide: KeyStates, useClass: KeyStatesService },
    { provide: LeakedKeys, useClass: FindLeakedKeysService },
    { provide: KeyAttributesReader, useClass: ReadKeyAttributesService },
  ],
  exports: [
    KeyDirectory,
    KeyAccounts,
    KeyAttributesReader,
    KeyStates,
    BootstrapMasterKey,
    CallOutlook,
    LeakedKeys,
    SecretUses,
  ],
})
export class KeysModule {}
