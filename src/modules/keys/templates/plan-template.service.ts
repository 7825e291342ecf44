import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';

import type { KeyPolicy } from '../domain/policy/key-policy.js';
import { POLICY_PARTS, type PolicyInput } from '../domain/policy/read-policy.js';
import { levelsBelow, TemplateTree } from './domain/template-tree.js';
import type { ChangePolicyDto } from './dto/policy-template.dto.js';
import type { PolicyTemplate, TemplateContent } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';

/** What would be if a template were as it is given. */
export type TemplatePlan = {
  /** What it allows. */
  readonly policy: KeyPolicy;
  /** It, all that it is built upon, and all that are built upon it. */
  readonly tree: TemplateTree;
  /** It and those that are built upon it, directly or not. */
  readonly familyIds: readonly string[];
};

const NOTHING: TemplateContent = { name: '', description: null, parentId: null, input: {} };

/** Works out what a template would be, without writing anything. */
@Injectable()
export class PlanTemplateService {
  constructor(private readonly templates: PolicyTemplateRepository) {}

  /**
   * @param current `null` for a new one
   * @returns what is given, and what there is where nothing is given
   * @throws {AppError} `not_found` of the template that it is to be built upon, `conflict` for a name that is taken
   */
  async contentOf(
    organizationId: string,
    dto: ChangePolicyDto,
    current: PolicyTemplate | null,
  ): Promise<TemplateContent> {
    const before: TemplateContent = current ?? NOTHING;
    const name = dto.name ?? before.name;
    if (name !== before.name) await this.#assertFree(organizationId, name);
    return {
      name,
      description: dto.description === undefined ? before.description : dto.description,
      parentId: await this.#parentOf(organizationId, dto, before.parentId),
      input: inputOf(dto, before.input),
    };
  }

  /** @throws {AppError} `invalid_request` */
  async plan(template: PolicyTemplate): Promise<TemplatePlan> {
    const { organizationId, id, parentId } = template;
    const family = await this.templates.listFamily(organizationId, id);
    const lineage = parentId ? await this.templates.listLineage(organizationId, parentId) : [];
    const tree = new TemplateTree([...lineage, ...family]).with(template);
    const policy = tree.assertSound(id, levelsBelow(id, family));
    return { policy, tree, familyIds: [id, ...family.map((one) => one.id)] };
  }

  async #parentOf(
    organizationId: string,
    { inherit_from: nameOrId }: ChangePolicyDto,
    current: string | null,
  ): Promise<string | null> {
    if (nameOrId === undefined) return current;
    if (nameOrId === null) return null;
    const parent = await this.templates.findByNameOrId(organizationId, nameOrId);
    if (parent) return parent.id;
    const message = `There is no policy ${nameOrId}.`;
    throw new AppError('not_found', { message, param: 'inherit_from' });
  }

  async #assertFree(organizationId: string, name: string): Promise<void> {
    if (!(await this.templates.findByNameOrId(organizationId, name))) return;
    const message = `There is a policy with the name ${name} already.`;
    throw new AppError('conflict', { message, param: 'name' });
  }
}

/** Each part that is given replaces that part; `null` takes it away. */
function inputOf(dto: ChangePolicyDto, current: PolicyInput): PolicyInput {
  const given = Object.fromEntries(
    POLICY_PARTS.flatMap((part) => (dto[part] === undefined ? [] : [[part, dto[part] as unknown]])),
  );
  const parts = Object.entries({ ...current, ...given }).filter(([, value]) => isGiven(value));
  return Object.fromEntries(parts);
}
