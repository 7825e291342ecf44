import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { LeakedKeyPolicy } from './leaked-key-policy.port.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';
import { UnclaimedSecretPolicy } from './unclaimed-secret-policy.port.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [TypeOrmModule.forFeature([OrganizationEntity])],
  providers: [
    OrganizationRepository,
    OrganizationSettingsService,
    { provide: LeakedKeyPolicy, useExisting: OrganizationSettingsService },
    { provide: UnclaimedSecretPolicy, useExisting: OrganizationSettingsService },
  ],
  exports: [
    LeakedKeyPolicy,
    OrganizationRepository,
    OrganizationSettingsService,
    UnclaimedSecretPolicy,
  ],
})
export class OrganizationSettingsModule {}
