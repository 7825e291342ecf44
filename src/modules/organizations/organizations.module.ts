import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { DefaultOrganization } from './default-organization.port.js';
import { DefaultOrganizationService } from './default-organization.service.js';
import { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';

@Module({
  imports: [TypeOrmModule.forFeature([OrganizationEntity])],
  providers: [
    OrganizationRepository,
    { provide: DefaultOrganization, useClass: DefaultOrganizationService },
  ],
  exports: [DefaultOrganization],
})
export class OrganizationsModule {}
