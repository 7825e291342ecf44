import { Injectable } from '@nestjs/common';

import { DefaultOrganization } from './default-organization.port.js';
import { OrganizationRepository } from './organization.repository.js';

@Injectable()
export class DefaultOrganizationService extends DefaultOrganization {
  constructor(private readonly organizations: OrganizationRepository) {
    super();
  }

  override async ensure(): Promise<string> {
    return (await this.organizations.ensureDefaultAcrossTenants('Default')).id;
  }
}
