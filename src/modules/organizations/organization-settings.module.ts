import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { KeyCarePolicies } from './key-care-policies.port.js';
import { LeakedKeyPolicy } from './leaked-key-policy.port.js';
import { InvitationRepository } from './members/invitation.repository.js';
import { Invitations } from './members/invitations.port.js';
import { MemberRepository } from './members/member.repository.js';
import { Memberships } from './members/memberships.port.js';
import { UserRepository } from './members/user.repository.js';
import { Users } from './members/users.port.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';
import { ReadKeyCarePoliciesService } from './read-key-care-policies.service.js';
import { UnclaimedSecretPolicy } from './unclaimed-secret-policy.port.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [TypeOrmModule.forFeature([OrganizationEntity])],
  providers: [
    OrganizationRepository,
    OrganizationSettingsService,
    { provide: KeyCarePolicies, useClass: ReadKeyCarePoliciesService },
    { provide: Invitations, useClass: InvitationRepository },
    { provide: Memberships, useClass: MemberRepository },
    { provide: Users, useClass: UserRepository },
    { provide: LeakedKeyPolicy, useExisting: OrganizationSettingsService },
    { provide: UnclaimedSecretPolicy, useExisting: OrganizationSettingsService },
  ],
  exports: [
    KeyCarePolicies,
    Invitations,
    LeakedKeyPolicy,
    Memberships,
    OrganizationRepository,
    OrganizationSettingsService,
    UnclaimedSecretPolicy,
    Users,
  ],
})
export class OrganizationSettingsModule {}
