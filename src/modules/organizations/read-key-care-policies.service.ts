import { Injectable } from '@nestjs/common';

import { KeyCarePolicies, type KeyCarePolicy } from './key-care-policies.port.js';
import { OrganizationRepository } from './organization.repository.js';

@Injectable()
export class ReadKeyCarePoliciesService extends KeyCarePolicies {
  constructor(private readonly organizations: OrganizationRepository) {
    super();
  }

  override async listAcrossTenants(afterId: string, limit: number): Promise<KeyCarePolicy[]> {
    const found = await this.organizations.listAcrossTenants(afterId, limit);
    return found.map(({ id, expiryReminderDays, unusedKeyDays, unusedKeyAction }) => ({
      organizationId: id,
      expiryReminderDays,
      unusedKeyDays,
      unusedKeyAction,
    }));
  }
}
