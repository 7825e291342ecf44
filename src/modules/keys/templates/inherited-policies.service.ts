import { Injectable } from '@nestjs/common';

import type { Environment } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';
import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { grantOf, ruledKeyOf } from '../changeable-key.js';
import {
  assertGrantWithin,
  type Grant,
  type RequestedChange,
  regrantWithin,
} from '../domain/grant.js';
import type { KeyView } from '../domain/key-view.js';
import { fromPolicyDocument, toPolicyDocument } from '../domain/policy/policy-document.js';
import { mergeOverrides, namesIn, writeOverrides } from '../domain/policy/policy-overrides.js';
import {
  addLevel,
  addStoredLevel,
  boundAfter,
  inheritWithin,
  mapSources,
} from '../domain/policy/policy-templates.js';
import type { SourcedPolicy } from '../domain/policy/policy-within.js';
import { type PolicyInput, readPolicy } from '../domain/policy/read-policy.js';
import { assertRulesKept } from '../environments/domain/environment-rules.js';
import { EnvironmentSettingsRepository } from '../environments/environment-settings.repository.js';
import { assertNoOverrides, splitInheritance } from './domain/split-inheritance.js';
import { TemplateTree } from './domain/template-tree.js';
import { KeyInheritanceRepository } from './key-inheritance.repository.js';
import type { KeyInheritance } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';

/** What a key gets, and, to be called where it really does, what writes down which template it is made from then. */
type Regrant = { readonly grant: Grant; readonly tie: () => Promise<void> };

type KeyIds = Pick<ApiKeyEntity, 'organizationId' | 'id'>;

type Inherited = { readonly policy: SourcedPolicy; readonly tie: Omit<KeyInheritance, 'keyId'> };

/** What a change asks for, its policy as the body has it. */
type AskedChange = Omit<RequestedChange, 'policy'> & { readonly policy: PolicyInput };

const NOTHING = readPolicy({});

/** The policies of keys that are made from templates, or may come to be. */
@Injectable()
export class InheritedPolicies {
  constructor(
    private readonly templates: PolicyTemplateRepository,
    private readonly inheritances: KeyInheritanceRepository,
    private readonly environments: EnvironmentSettingsRepository,
    private readonly trail: AuditTrail,
  ) {}

  /** Until the caller's transaction ends. It goes before every lock on a key. */
  holdStill(organizationId: string): Promise<void> {
    return this.templates.holdStill(organizationId);
  }

  /**
   * What a key gets that `creator` makes from a template; of the defaults of its environment only what neither the template
   * nor the key says.
   * @param nameOrId of the template
   * @param own what the key is to have of its own
   * @throws {AppError} `not_found`, `escalation_denied`, `invalid_request`
   */
  async inherit(
    creator: KeyView,
    nameOrId: string,
    own: PolicyInput,
    environment: Environment,
  ): Promise<Inherited> {
    const { organizationId, policy: bound } = creator;
    const template = await this.templates.findByNameOrId(organizationId, nameOrId);
    if (!template) throw noTemplate(nameOrId);
    const tree = await this.#treeOf(organizationId, template.id);
    const overrides = readPolicy(own);
    const wanted = addLevel(tree.composed(template.id), overrides);
    const asked = inheritWithin(bound, wanted, overrides);
    const { defaults } = await this.environments.find(organizationId, environment);
    const tie = {
      templateId: template.id,
      overrides: writeOverrides(mergeOverrides(NOTHING, overrides)),
      bound: toPolicyDocument(bound),
      defaults,
    };
    // Nobody has asked for the defaults, so that they are refused to nobody: they count as far as the creator's policy goes.
    const policy = Object.keys(defaults).length === 0 ? asked : tree.policyOf(tie);
    return { policy, tie };
  }

  /**
   * What a key would get if `changer` changed it, in the transaction that has locked it. Of a key that is made from a template
   * its overrides are changed; `inherit_from` makes it anew from a template, or, being `null`, leaves it as it is for good.
   * @throws {AppError} `not_found` of the template, `escalation_denied`, `invalid_request`
   */
  async regrant(changer: KeyView, key: ApiKeyEntity, change: AskedChange): Promise<Regrant> {
    const regrant = await this.#regrant(changer, key, change);
    const { rules } = await this.environments.find(key.organizationId, key.environment);
    const before = ruledKeyOf(key);
    assertRulesKept(rules, { ...regrant.grant, createdAt: before.createdAt }, before);
    return regrant;
  }

  async #regrant(changer: KeyView, key: ApiKeyEntity, change: AskedChange): Promise<Regrant> {
    const asked = splitInheritance(change.policy);
    const current = grantOf(key);
    if (isGiven(asked.inheritFrom)) {
      const { inheritFrom, input } = asked;
      const { policy, tie } = await this.inherit(changer, inheritFrom, input, key.environment);
      const next = { ...current, policy: policy.policy, policySources: policy.sources };
      return {
        grant: regrantWithin(changer, next, { ...change, policy: NOTHING }),
        tie: async () => this.tie(key, { keyId: key.id, ...tie }),
      };
    }
    const tie = await this.inheritances.find(key.organizationId, key.id);
    if (tie && asked.inheritFrom === undefined) {
      return this.#override(changer, current, tie, { ...change, policy: asked.input });
    }
    assertNoOverrides(asked);
    const policySources = mapSources(current.policySources, { template: ['key'] });
    const policy = readPolicy(asked.input);
    return {
      grant: regrantWithin(changer, { ...current, policySources }, { ...change, policy }),
      tie: () => this.#untie(key, tie),
    };
  }

  async #override(
    changer: KeyView,
    current: Grant,
    tie: KeyInheritance,
    change: AskedChange,
  ): Promise<Regrant> {
    const { organizationId } = changer;
    const asked = readPolicy(change.policy);
    // What is asked for must be the changer's to grant, as with any key.
    const grant = regrantWithin(changer, current, { ...change, policy: asked });
    const tree = await this.#treeOf(organizationId, tie.templateId);
    const own = readPolicy(tie.overrides);
    addLevel(addStoredLevel(tree.composed(tie.templateId, tie.defaults), own), asked);
    const bound = boundAfter(fromPolicyDocument(tie.bound), changer.policy, namesIn(asked));
    const next = {
      ...tie,
      overrides: writeOverrides(mergeOverrides(own, asked)),
      bound: toPolicyDocument(bound),
    };
    const { policy, sources } = tree.policyOf(next);
    assertGrantWithin(changer, { ...grant, policy });
    return {
      grant: { ...grant, policy, policySources: sources },
      tie: () => this.tie({ organizationId, id: tie.keyId }, next),
    };
  }

  /** Writes down which template a key is made from, in the transaction that makes it so. */
  async tie({ organizationId, id }: KeyIds, next: KeyInheritance): Promise<void> {
    const before = await this.inheritances.find(organizationId, id);
    await this.inheritances.put(organizationId, next);
    await this.#append({ organizationId, id }, before, next);
  }

  async #untie({ organizationId, id }: KeyIds, before: KeyInheritance | null): Promise<void> {
    if (!before) return;
    await this.inheritances.delete(organizationId, id);
    await this.#append({ organizationId, id }, before, null);
  }

  async #append(
    { organizationId, id }: KeyIds,
    before: KeyInheritance | null,
    after: KeyInheritance | null,
  ): Promise<void> {
    const what = changed(factsOf(before), factsOf(after));
    if (Object.keys(what.after).length === 0) return;
    const target = { type: 'key', id };
    await this.trail.append({ organizationId, action: 'key.inheritance_changed', target, ...what });
  }

  async #treeOf(organizationId: string, templateId: string): Promise<TemplateTree> {
    return new TemplateTree(await this.templates.listLineage(organizationId, templateId));
  }
}

function factsOf(tie: KeyInheritance | null): AuditFacts {
  return { inherit_from: tie?.templateId ?? null, overrides: tie?.overrides ?? null };
}

function noTemplate(nameOrId: string): AppError {
  const message = `There is no policy ${nameOrId}.`;
  return new AppError('not_found', { message, param: 'permissions.inherit_from' });
}
