import { Injectable } from '@nestjs/common';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { fromPolicyDocument } from '../domain/policy/policy-document.js';
import { isRuled } from '../environments/domain/environment-rules.js';
import { EnvironmentSettingsRepository } from '../environments/environment-settings.repository.js';

/** Which keys get nothing without somebody else's approval. */
@Injectable()
export class ApprovalNeeds {
  constructor(private readonly environments: EnvironmentSettingsRepository) {}

  /** Whether the key says so itself, or its environment of all its keys. */
  async of(key: ApiKeyEntity): Promise<boolean> {
    if (fromPolicyDocument(key.policy).requiresApproval) return true;
    if (!isRuled(key)) return false;
    const { rules } = await this.environments.find(key.organizationId, key.environment);
    return rules.requireApproval;
  }
}
