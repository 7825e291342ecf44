import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { DefaultOrganization } from './default-organization.port.js';
import { DefaultOrganizationService } from './default-organization.service.js';
import { LeakedKeyPolicy } from './leaked-key-policy.port.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';
import { OrganizationsController } from './organizations.controller.js';

@Module({
  imports: [TypeOrmModule.forFeature([OrganizationEntity])],
  controllers: [OrganizationsController],
  providers: [
    OrganizationRepository,
    OrganizationSettingsService,
    { provide: DefaultOrganization, useClass: DefaultOrganizationService },
    { provide: LeakedKeyPolicy, useExisting: OrganizationSettingsService },
  ],
  exports: [DefaultOrganization, LeakedKeyPolicy],
})
export class OrganizationsModule {}
