import { Module } from '@nestjs/common';

import { DefaultOrganization } from './default-organization.port.js';
import { DefaultOrganizationService } from './default-organization.service.js';
import { ChangeInvitationService } from './invitations/change-invitation.service.js';
import { InvitationsController } from './invitations/invitations.controller.js';
import { ReadInvitationsService } from './invitations/read-invitations.service.js';
import { ChangeMemberService } from './members/change-member.service.js';
import { MembersController } from './members/members.controller.js';
import { RecordMemberChange } from './members/record-member-change.js';
import { ReadMembersService } from './members/read-members.service.js';
import { SuspendUserService } from './members/suspend-user.service.js';
import { UsersController } from './members/users.controller.js';
import { OrganizationSettingsModule } from './organization-settings.module.js';
import { OrganizationsController } from './organizations.controller.js';
import { ChangeProjectService } from './projects/change-project.service.js';
import { ProjectsController } from './projects/projects.controller.js';
import { ReadProjectsService } from './projects/read-projects.service.js';
import { KnownProviders } from './projects/settings/known-providers.js';
import { ProjectConfigRepository } from './projects/settings/project-config.repository.js';
import { ProjectConfigsService } from './projects/settings/project-configs.service.js';
import { ProjectConfigs } from './projects/settings/project-settings.port.js';
import { ReadRoutingSettingsService } from './projects/settings/read-routing-settings.service.js';
import { RoutingSettingsReader } from './projects/settings/routing-settings.port.js';
import { CallerRights } from './roles/caller-rights.service.js';
import { ChangeRoleService } from './roles/change-role.service.js';
import { ReadRolesService } from './roles/read-roles.service.js';
import { RoleRepository } from './roles/role.repository.js';
import { RolesController } from './roles/roles.controller.js';
import { RunOrganizationsService } from './run-organizations.service.js';
import { ChangeServiceAccountService } from './service-accounts/change-service-account.service.js';
import { CreateServiceAccountService } from './service-accounts/create-service-account.service.js';
import { ReadServiceAccountsService } from './service-accounts/read-service-accounts.service.js';
import { ServiceAccountRoles } from './service-accounts/service-account-roles.service.js';
import { ServiceAccountsController } from './service-accounts/service-accounts.controller.js';
import { ChangeTeamMemberService } from './teams/change-team-member.service.js';
import { ChangeTeamService } from './teams/change-team.service.js';
import { ReadTeamsService } from './teams/read-teams.service.js';
import { TeamMemberRepository } from './teams/team-member.repository.js';
import { TeamMembersController } from './teams/team-members.controller.js';
import { TeamsController } from './teams/teams.controller.js';

@Module({
  imports: [OrganizationSettingsModule],
  controllers: [
    InvitationsController,
    MembersController,
    OrganizationsController,
    ProjectsController,
    RolesController,
    ServiceAccountsController,
    TeamMembersController,
    TeamsController,
    UsersController,
  ],
  providers: [
    CallerRights,
    ChangeInvitationService,
    ChangeMemberService,
    ChangeProjectService,
    ChangeRoleService,
    ChangeServiceAccountService,
    ChangeTeamMemberService,
    ChangeTeamService,
    CreateServiceAccountService,
    KnownProviders,
    ProjectConfigRepository,
    ReadInvitationsService,
    ReadMembersService,
    ReadProjectsService,
    ReadRolesService,
    ReadServiceAccountsService,
    ReadTeamsService,
    RecordMemberChange,
    RoleRepository,
    RunOrganizationsService,
    ServiceAccountRoles,
    SuspendUserService,
    TeamMemberRepository,
    { provide: DefaultOrganization, useClass: DefaultOrganizationService },
    { provide: ProjectConfigs, useClass: ProjectConfigsService },
    { provide: RoutingSettingsReader, useClass: ReadRoutingSettingsService },
  ],
  exports: [
    CallerRights,
    DefaultOrganization,
    KnownProviders,
    OrganizationSettingsModule,
    ProjectConfigs,
    RoutingSettingsReader,
  ],
})
export class OrganizationsModule {}
