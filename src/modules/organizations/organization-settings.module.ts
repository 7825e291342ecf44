import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { ApprovalPolicy } from './approval-policy.port.js';
import { AuditRetentionPolicy } from './audit-retention-policy.port.js';
import { HeldChanges } from './held-changes.js';
import { KeyCarePolicies } from './key-care-policies.port.js';
import { LeakedKeyPolicy } from './leaked-key-policy.port.js';
import { AnnounceMemberChanges } from './members/announce-member-changes.js';
import { InvitationRepository } from './members/invitation.repository.js';
import { Invitations } from './members/invitations.port.js';
import { MemberRepository } from './members/member.repository.js';
import { Memberships } from './members/memberships.port.js';
import { UserRepository } from './members/user.repository.js';
import { Users } from './members/users.port.js';
import { NewOrganizations } from './new-organizations.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';
import { ProjectRepository } from './projects/project.repository.js';
import { Projects } from './projects/projects.port.js';
import { ReadKeyCarePoliciesService } from './read-key-care-policies.service.js';
import { ServiceAccountRepository } from './service-accounts/service-account.repository.js';
import { ServiceAccounts } from './service-accounts/service-accounts.port.js';
import { StructureLock } from './structure-lock.js';
import { SubjectRemovals } from './subject-removals.js';
import { SuspiciousKeyPolicy } from './suspicious-key-policy.port.js';
import { TeamRepository } from './teams/team.repository.js';
import { Teams } from './teams/teams.port.js';
import { UnclaimedSecretPolicy } from './unclaimed-secret-policy.port.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [TypeOrmModule.forFeature([OrganizationEntity])],
  providers: [
    AnnounceMemberChanges,
    HeldChanges,
    NewOrganizations,
    OrganizationRepository,
    OrganizationSettingsService,
    StructureLock,
    SubjectRemovals,
    { provide: KeyCarePolicies, useClass: ReadKeyCarePoliciesService },
    InvitationRepository,
    MemberRepository,
    ProjectRepository,
    ServiceAccountRepository,
    TeamRepository,
    UserRepository,
    { provide: Invitations, useExisting: InvitationRepository },
    { provide: Memberships, useExisting: MemberRepository },
    { provide: Projects, useExisting: ProjectRepository },
    { provide: ServiceAccounts, useExisting: ServiceAccountRepository },
    { provide: Teams, useExisting: TeamRepository },
    { provide: Users, useExisting: UserRepository },
    { provide: LeakedKeyPolicy, useExisting: OrganizationSettingsService },
    { provide: ApprovalPolicy, useExisting: OrganizationSettingsService },
    { provide: AuditRetentionPolicy, useExisting: OrganizationSettingsService },
    { provide: SuspiciousKeyPolicy, useExisting: OrganizationSettingsService },
    { provide: UnclaimedSecretPolicy, useExisting: OrganizationSettingsService },
  ],
  exports: [
    ApprovalPolicy,
    AuditRetentionPolicy,
    HeldChanges,
    InvitationRepository,
    Invitations,
    KeyCarePolicies,
    LeakedKeyPolicy,
    MemberRepository,
    Memberships,
    NewOrganizations,
    OrganizationRepository,
    OrganizationSettingsService,
    ProjectRepository,
    Projects,
    ServiceAccountRepository,
    ServiceAccounts,
    StructureLock,
    SubjectRemovals,
    SuspiciousKeyPolicy,
    TeamRepository,
    Teams,
    UnclaimedSecretPolicy,
    UserRepository,
    Users,
  ],
})
export class OrganizationSettingsModule {}
