import { Injectable } from '@nestjs/common';

import { type CursorPosition, decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { Clock } from '#common/time/clock.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { type KeyReach, reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { comparePolicies } from '../domain/policy/compare-policies.js';
import { fromPolicyDocument } from '../domain/policy/policy-document.js';
import type { ChangePolicyDto } from './dto/policy-template.dto.js';
import type { InheritingKeyResponse, KeyImpactResponse } from './dto/policy-template.responses.js';
import { policyOf } from './follow-template.service.js';
import { type InheritingKey, KeyInheritanceRepository } from './key-inheritance.repository.js';
import { PlanTemplateService } from './plan-template.service.js';
import type { PolicyTemplate } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';
import { noPolicy } from './write-template.service.js';

type Affected = CursorPosition & { readonly tie: InheritingKey; readonly key: ApiKeyEntity };

/** Read at once, at the least. */
const PAGE_SIZE = 500;

/** Which keys a template decides on, and what a change of it would do to them. */
@Injectable()
export class TemplateImpactService {
  constructor(
    private readonly templates: PolicyTemplateRepository,
    private readonly inheritances: KeyInheritanceRepository,
    private readonly keys: ApiKeyRepository,
    private readonly plans: PlanTemplateService,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization's policy */
  async list(caller: KeyView, id: string, page: PageQuery): Promise<Page<InheritingKeyResponse>> {
    const { organizationId } = caller;
    await this.#find(organizationId, id);
    const family = await this.templates.listFamily(organizationId, id);
    const rows = await this.#affected(
      caller,
      family.map((one) => one.id),
      page,
    );
    return toPage(rows, page.limit, ({ tie, key }) => ({
      key_id: key.id,
      name: key.name,
      inherit_from: tie.templateId,
      overrides: tie.overrides,
    }));
  }

  /**
   * What each key would gain or lose if the template were changed so. Nothing is written.
   * @throws {AppError} as the change itself
   */
  async foresee(
    caller: KeyView,
    id: string,
    dto: ChangePolicyDto,
    page: PageQuery,
  ): Promise<Page<KeyImpactResponse>> {
    const { organizationId } = caller;
    const current = await this.#find(organizationId, id);
    const content = await this.plans.contentOf(organizationId, dto, current);
    const { tree, familyIds } = await this.plans.plan({ ...current, ...content });
    const rows = await this.#affected(caller, familyIds, page);
    return toPage(rows, page.limit, ({ tie, key }) => ({
      key_id: key.id,
      name: key.name,
      ...comparePolicies(fromPolicyDocument(key.policy), policyOf(tree, tie).policy),
    }));
  }

  /** Of the keys that the caller sees; at most one more than `limit`. */
  async #affected(
    caller: KeyView,
    templateIds: readonly string[],
    { limit, cursor }: PageQuery,
  ): Promise<Affected[]> {
    const reach = reachOf(caller);
    const now = new Date(this.clock.now());
    const of = { organizationId: reach.organizationId, templateIds, now };
    // Of who sees few of many keys, a page of the list may have none.
    const size = Math.max(limit + 1, PAGE_SIZE);
    const affected: Affected[] = [];
    let last = decodeCursor(cursor);
    let ties: InheritingKey[];
    do {
      ties = await this.inheritances.list(of, last, size);
      affected.push(...(await this.#seen(reach, ties)));
      last = ties.at(-1) ?? null;
    } while (ties.length === size && affected.length <= limit);
    return affected.slice(0, limit + 1);
  }

  async #seen(reach: KeyReach, ties: readonly InheritingKey[]): Promise<Affected[]> {
    const ids = ties.map(({ id }) => id);
    const byId = new Map((await this.keys.findAll(reach, ids)).map((key) => [key.id, key]));
    return ties.flatMap((tie) => {
      const key = byId.get(tie.id);
      return key ? [{ id: tie.id, createdAt: tie.createdAt, tie, key }] : [];
    });
  }

  async #find(organizationId: string, id: string): Promise<PolicyTemplate> {
    const template = await this.templates.find(organizationId, id);
    if (!template) throw noPolicy(id);
    return template;
  }
}
