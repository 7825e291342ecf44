import { Inject, Injectable } from '@nestjs/common';

import { SCOPES_OF_LEVEL } from '#common/auth/scopes.js';
import type { Secret } from '#common/secret/secret.js';
import { DefaultOrganization } from '#modules/organizations/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { InvalidEnvironmentError } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { BootstrapMasterKey } from './bootstrap-master-key.port.js';
import { NOBODYS } from './domain/belonging.js';
import { generateKeySecret, isWellFormedKey } from './domain/key-secret.js';
import { UNRESTRICTED_POLICY } from './domain/policy/policy-fields.js';
import { IssueKeyService } from './issue-key.service.js';

@Injectable()
export class BootstrapMasterKeyService extends BootstrapMasterKey {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly issueKey: IssueKeyService,
    private readonly organizations: DefaultOrganization,
    private readonly transactions: TransactionRunner,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
  }

  override async ensure(): Promise<{ isFirst: boolean; generated: Secret | null }> {
    const given = this.config.bootstrapKey;
    if (given && !isWellFormedKey(given.reveal(), this.config.keyBrand)) {
      throw new InvalidEnvironmentError([
        `LATCHKEY_BOOTSTRAP_KEY must be a key of the form ${this.config.keyBrand}-live-<32 base62> with its checksum`,
      ]);
    }
    return this.transactions.run(async () => {
      const organizationId = await this.organizations.ensure();
      if ((await this.keys.countOfLevelAcrossTenants('master')) > 0) {
        return { isFirst: false, generated: null };
      }
      const secret = given ?? generateKeySecret(this.config.keyBrand, 'production');
      await this.issueMaster(organizationId, secret);
      return { isFirst: true, generated: given ? null : secret };
    });
  }

  override async issueAnother(): Promise<Secret> {
    const secret = generateKeySecret(this.config.keyBrand, 'production');
    await this.issueMaster(await this.organizations.ensure(), secret);
    return secret;
  }

  private async issueMaster(organizationId: string, secret: Secret): Promise<void> {
    await this.issueKey.write({
      organizationId,
      name: 'Master key',
      grant: {
        accessLevel: 'master',
        scopes: SCOPES_OF_LEVEL.master,
        environment: 'production',
        policy: UNRESTRICTED_POLICY,
        policySources: {},
        expiresAt: null,
      },
      belonging: NOBODYS,
      members: [],
      metadata: {},
      creator: null,
      secret,
    });
  }
}
