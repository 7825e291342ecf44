import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { KeyCarePolicies } from './key-care-policies.port.js';
import { LeakedKeyPolicy } from './leaked-key-policy.port.js';
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
    { provide: LeakedKeyPolicy, useExisting: OrganizationSettingsService },
    { provide: UnclaimedSecretPolicy, useExisting: OrganizationSettingsService },
  ],
  exports: [
    KeyCarePolicies,
    LeakedKeyPolicy,
    OrganizationRepository,
    OrganizationSettingsService,
    UnclaimedSecretPolicy,
  ],
})
export class OrganizationSettingsModule {}
