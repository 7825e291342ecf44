import { Injectable } from '@nestjs/common';

import { isGiven } from '#common/validation/given.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyView } from '../domain/key-view.js';
import { POLICY_PARTS } from '../domain/policy/read-policy.js';
import type { CreateKeyDto } from '../dto/create-key.dto.js';
import { type IssuedKey, IssueKeyService } from '../issue-key.service.js';
import { assertNoOverrides, splitInheritance } from './domain/split-inheritance.js';
import { InheritedPolicies } from './inherited-policies.service.js';

@Injectable()
export class IssueInheritingKeyService {
  constructor(
    private readonly issueKey: IssueKeyService,
    private readonly inherited: InheritedPolicies,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * Makes a key, from a template where it asks for one.
   * @throws {AppError} `not_found` of the template, `escalation_denied`, `invalid_request`
   */
  async issue(creator: KeyView, dto: CreateKeyDto): Promise<IssuedKey> {
    const asked = splitInheritance(dto);
    const { inheritFrom, input } = asked;
    if (!isGiven(inheritFrom)) {
      assertNoOverrides(asked);
      const { permissions } = input as Pick<CreateKeyDto, 'permissions'>;
      return this.issueKey.issue(creator, { ...dto, ...(permissions && { permissions }) });
    }
    return this.transactions.run(async () => {
      await this.inherited.holdStill(creator.organizationId);
      const { environment } = dto;
      const { policy, tie } = await this.inherited.inherit(
        creator,
        inheritFrom,
        input,
        environment,
      );
      const issued = await this.issueKey.issue(creator, withoutPolicy(dto), policy);
      const { key } = issued.issued;
      await this.inherited.tie(key, { keyId: key.id, ...tie });
      return issued;
    });
  }
}

function withoutPolicy(dto: CreateKeyDto): CreateKeyDto {
  const parts: readonly string[] = POLICY_PARTS;
  const others = Object.entries(dto).filter(([name]) => !parts.includes(name));
  return Object.fromEntries(others) as unknown as CreateKeyDto;
}
