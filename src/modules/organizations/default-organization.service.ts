import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { DefaultOrganization } from './default-organization.port.js';
import { NewOrganizations } from './new-organizations.js';
import { OrganizationRepository } from './organization.repository.js';

@Injectable()
export class DefaultOrganizationService extends DefaultOrganization {
  constructor(
    private readonly organizations: OrganizationRepository,
    private readonly newOrganizations: NewOrganizations,
    private readonly transactions: TransactionRunner,
  ) {
    super();
  }

  override async ensure(): Promise<string> {
    return this.transactions.run(async () => {
      const { id, isMade } = await this.organizations.ensureDefaultAcrossTenants('Default');
      if (isMade) await this.newOrganizations.made(id);
      return id;
    });
  }
}
