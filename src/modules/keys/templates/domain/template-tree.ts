import { AppError } from '#common/errors/app-error.js';

import type { KeyPolicy } from '../../domain/policy/key-policy.js';
import { fromPolicyDocument, type PolicyDocument } from '../../domain/policy/policy-document.js';
import { POLICY_FIELDS } from '../../domain/policy/policy-fields.js';
import { namesIn } from '../../domain/policy/policy-overrides.js';
import {
  addLevel,
  addStoredLevel,
  composeDefaults,
  composeTemplates,
  inheritClamped,
} from '../../domain/policy/policy-templates.js';
import type { SourcedPolicy } from '../../domain/policy/policy-within.js';
import { type PolicyInput, readPolicy } from '../../domain/policy/read-policy.js';
import type { PolicyTemplate } from '../policy-template.js';

/** How many templates may stand one upon the other. */
export const MAX_LEVELS = 10;

type Template = Pick<PolicyTemplate, 'id' | 'parentId' | 'input'>;

/** Templates of one organization, each with all that it is built upon. */
export class TemplateTree {
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #composed = new Map<string, SourcedPolicy>();

  constructor(templates: readonly Template[]) {
    this.#templates = new Map(templates.map((template) => [template.id, template]));
  }

  /** The same with one that is new or has changed. */
  with(template: Template): TemplateTree {
    return new TemplateTree([...this.#templates.values(), template]);
  }

  /**
   * What the template says together with all that it is built upon.
   * @param defaults of the environment of the key that it is for, in the canonical spelling
   */
  composed(id: string, defaults: PolicyInput = {}): SourcedPolicy {
    const saved = `${id} ${JSON.stringify(defaults)}`;
    let policy = this.#composed.get(saved);
    if (!policy) {
      const levels = this.#lineageOf(id).map(({ input }) => readPolicy(input));
      policy = composeTemplates(levels, composeDefaults(readPolicy(defaults)));
      this.#composed.set(saved, policy);
    }
    return policy;
  }

  /** By the path of each field that a template says something of: the id of the template that has the last word. */
  setBy(id: string): Record<string, string> {
    const { sources } = this.composed(id);
    const named: Record<string, string> = {};
    for (const template of this.#lineageOf(id)) {
      for (const name of namesIn(readPolicy(template.input))) {
        const { path } = POLICY_FIELDS[name];
        if (sources[path]?.includes('template')) named[path] = template.id;
      }
    }
    return named;
  }

  /** What a key gets of its template as it is now. */
  policyOf(key: {
    readonly templateId: string;
    readonly overrides: PolicyInput;
    readonly bound: PolicyDocument;
    readonly defaults: PolicyInput;
  }): SourcedPolicy {
    const below = this.composed(key.templateId, key.defaults);
    const wanted = addStoredLevel(below, readPolicy(key.overrides));
    return inheritClamped(fromPolicyDocument(key.bound), wanted);
  }

  /**
   * Checks what is said newly: that it is a policy, that nobody inherits from himself, and that there are not too many levels.
   * @param below how many levels of other templates are built upon it
   * @returns what it allows
   * @throws {AppError} `invalid_request` naming the field, or `inherit_from`
   */
  assertSound(id: string, below: number): KeyPolicy {
    const lineage = this.#lineageOf(id);
    if (lineage.length + below > MAX_LEVELS) {
      throw wrongParent(`makes more than ${MAX_LEVELS} templates that inherit from each other`);
    }
    const [own, ...others] = lineage.toReversed();
    const above = composeTemplates(others.toReversed().map(({ input }) => readPolicy(input)));
    return addLevel(above, readPolicy((own as Template).input)).policy;
  }

  /** The outermost first. */
  #lineageOf(id: string): Template[] {
    const lineage: Template[] = [];
    const seen = new Set<string>();
    let at = this.#templates.get(id);
    while (at) {
      if (seen.has(at.id)) throw wrongParent('would make the template inherit from itself');
      seen.add(at.id);
      lineage.unshift(at);
      at = at.parentId === null ? undefined : this.#templates.get(at.parentId);
    }
    return lineage;
  }
}

/** How many levels of other templates are built upon `id`, of all that are, directly or not. */
export function levelsBelow(id: string, family: readonly Template[]): number {
  const children = family.filter(({ parentId }) => parentId === id);
  return Math.max(0, ...children.map((child) => 1 + levelsBelow(child.id, family)));
}

function wrongParent(what: string): AppError {
  const param = 'inherit_from';
  return new AppError('invalid_request', { message: `${param} ${what}.`, param });
}
