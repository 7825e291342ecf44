import { Injectable } from '@nestjs/common';

import type { Environment } from '#common/auth/principal.js';

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
    return (await this.among([key])).length > 0;
  }

  /** Those of some keys of one organization. Each environment is looked at once. */
  async among(keys: readonly ApiKeyEntity[]): Promise<ApiKeyEntity[]> {
    const demanding = new Map<Environment, boolean>();
    const needing: ApiKeyEntity[] = [];
    for (const key of keys) {
      let isNeeded = fromPolicyDocument(key.policy).requiresApproval;
      if (!isNeeded && isRuled(key)) {
        isNeeded = demanding.get(key.environment) ?? (await this.#isDemandedIn(key));
        demanding.set(key.environment, isNeeded);
      }
      if (isNeeded) needing.push(key);
    }
    return needing;
  }

  async #isDemandedIn({ organizationId, environment }: ApiKeyEntity): Promise<boolean> {
    const { rules } = await this.environments.find(organizationId, environment);
    return rules.requireApproval;
  }
}
