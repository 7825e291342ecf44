import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { HeldChanges } from '#modules/organizations/index.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { ApprovalNeeds } from '../approvals/approval-needs.service.js';
import { wholeOrganization } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { comparePolicies } from '../domain/policy/compare-policies.js';
import { fromPolicyDocument } from '../domain/policy/policy-document.js';
import type { ChangePolicyDto } from './dto/policy-template.dto.js';
import { policyOf } from './follow-template.service.js';
import { type InheritingKey, KeyInheritanceRepository } from './key-inheritance.repository.js';
import type { TemplatePlan } from './plan-template.service.js';
import type { PolicyTemplate } from './policy-template.js';

const PAGE_SIZE = 500;
/** Of the keys that get more, so many are named. */
const MAX_NAMED = 50;

/** Holds back a change of a template that gives more to keys which get nothing more without somebody's approval. */
@Injectable()
export class HoldTemplateService {
  constructor(
    private readonly inheritances: KeyInheritanceRepository,
    private readonly keys: ApiKeyRepository,
    private readonly needs: ApprovalNeeds,
    private readonly held: HeldChanges,
    private readonly clock: Clock,
  ) {}

  /**
   * In the transaction that holds the organization's templates: what keys may do stays as it is for so long. The caller has seen
   * to it that not too many inherit.
   * @param current the template as it is
   * @param plan what would be
   * @returns what now waits, of which nothing may be done yet; `null` where nobody has to approve it
   * @throws {AppError} `conflict` while something else that was asked for the template waits, or where a key can't follow
   */
  async hold(
    caller: KeyView,
    current: PolicyTemplate,
    dto: ChangePolicyDto,
    plan: TemplatePlan,
  ): Promise<ApprovalResponse | null> {
    const { organizationId, id, version } = current;
    const fields = new Set<string>();
    const ids: string[] = [];
    let count = 0;
    for await (const page of this.#pages(organizationId, plan.familyIds)) {
      for (const { key, more } of await this.#widened(organizationId, page, plan)) {
        more.forEach((field) => fields.add(field));
        count++;
        if (ids.length < MAX_NAMED) ids.push(key.id);
      }
    }
    if (count === 0) return null;
    return this.held.open(caller, {
      organizationId,
      subjectType: 'policy',
      subjectId: id,
      change: { action: 'update', body: { ...dto }, version, keys: { count, ids } },
      fields: [...fields],
    });
  }

  async *#pages(
    organizationId: string,
    templateIds: readonly string[],
  ): AsyncGenerator<InheritingKey[]> {
    const of = { organizationId, templateIds, now: new Date(this.clock.now()) };
    for (let after: InheritingKey | null = null; ;) {
      const page: InheritingKey[] = await this.inheritances.listOldestFirst(of, after, PAGE_SIZE);
      yield page;
      after = page.at(-1) ?? null;
      if (page.length < PAGE_SIZE) return;
    }
  }

  async #widened(
    organizationId: string,
    page: readonly InheritingKey[],
    { tree }: TemplatePlan,
  ): Promise<{ readonly key: ApiKeyEntity; readonly more: readonly string[] }[]> {
    const ids = page.map(({ id }) => id);
    const keys = await this.keys.findAll(wholeOrganization(organizationId), ids);
    const needing = new Set(await this.needs.among(keys));
    const byId = new Map(keys.map((key) => [key.id, key]));
    return page.flatMap((tie) => {
      const key = byId.get(tie.id);
      if (!key || !(key.awaitsApproval || needing.has(key))) return [];
      const after = policyOf(tree, tie).policy;
      const { wider, different } = comparePolicies(fromPolicyDocument(key.policy), after);
      const more = [...wider, ...different];
      return more.length === 0 ? [] : [{ key, more }];
    });
  }
}
