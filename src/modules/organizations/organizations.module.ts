import { Module } from '@nestjs/common';

import { DefaultOrganization } from './default-organization.port.js';
import { DefaultOrganizationService } from './default-organization.service.js';
import { OrganizationSettingsModule } from './organization-settings.module.js';
import { OrganizationsController } from './organizations.controller.js';

@Module({
  imports: [OrganizationSettingsModule],
  controllers: [OrganizationsController],
  providers: [{ provide: DefaultOrganization, useClass: DefaultOrganizationService }],
  exports: [DefaultOrganization, OrganizationSettingsModule],
})
export class OrganizationsModule {}
