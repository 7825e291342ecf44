import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeyRepository } from '../api-key.repository.js';
import { isLimited, reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { fromPolicyDocument, toPolicyDocument } from '../domain/policy/policy-document.js';
import type { SourcedPolicy } from '../domain/policy/policy-within.js';
import { SigningSecrets } from '../signing-secrets.js';
import { WriteKeyService } from '../write-key.service.js';
import type { TemplateTree } from './domain/template-tree.js';
import {
  type InheritingKey,
  KeyInheritanceRepository,
  type OfTemplates,
} from './key-inheritance.repository.js';
import type { PolicyTemplate } from './policy-template.js';

/** All of them are written in one transaction. */
const MAX_KEYS = 10_000;
const PAGE_SIZE = 500;

/** Why keys follow: which template has changed, and by whom. */
type Cause = {
  readonly template: PolicyTemplate;
  readonly tree: TemplateTree;
  readonly by: string;
};

/** Lets keys follow the templates that they are made from. */
@Injectable()
export class FollowTemplateService {
  constructor(
    private readonly inheritances: KeyInheritanceRepository,
    private readonly keys: ApiKeyRepository,
    private readonly written: WriteKeyService,
    private readonly signingSecrets: SigningSecrets,
    private readonly clock: Clock,
  ) {}

  /** How many keys are made from them, that are not revoked. */
  count(of: OfTemplates): Promise<number> {
    return this.inheritances.count(of);
  }

  /**
   * Whoever changes a template, or takes it away, decides on every key that inherits from it: so they must be ones that they
   * could change one by one. In the transaction that holds the organization's templates.
   * @param templateIds the template, and those that are built upon it
   * @throws {AppError} `escalation_denied` saying how many are not the caller's to change
   */
  async assertManagesAll(caller: KeyView, templateIds: readonly string[]): Promise<void> {
    const reach = reachOf(caller);
    if (!isLimited(reach)) return;
    const { organizationId } = reach;
    const of = { organizationId, templateIds, now: new Date(this.clock.now()) };
    const others =
      (await this.inheritances.count(of)) - (await this.inheritances.countManaged(reach, of));
    if (others > 0) throw outOfReach(others);
  }

  /**
   * In the transaction that changes a template, which holds the organization's templates.
   * @param template that is changed, as it is now
   * @param templateIds of those that have changed with it
   * @param tree with all of them, as they are now
   * @param by the key that the change is made with
   * @returns how many keys have another policy now
   * @throws {AppError} `conflict` where there are too many keys, or one can't be both what it may be and what it should
   */
  async follow(
    template: PolicyTemplate,
    templateIds: readonly string[],
    tree: TemplateTree,
    by: string,
  ): Promise<number> {
    const { organizationId } = template;
    const cause = { template, tree, by };
    await this.assertCanFollow(organizationId, templateIds);
    const of = { organizationId, templateIds, now: new Date(this.clock.now()) };
    let changed = 0;
    let last: InheritingKey | null = null;
    do {
      const page: InheritingKey[] = await this.inheritances.listOldestFirst(of, last, PAGE_SIZE);
      changed += await this.#rework(of, page, cause);
      last = page.length === PAGE_SIZE ? (page.at(-1) ?? null) : null;
    } while (last);
    return changed;
  }

  /** @throws {AppError} `conflict` where there are too many keys */
  async assertCanFollow(organizationId: string, templateIds: readonly string[]): Promise<void> {
    const of = { organizationId, templateIds, now: new Date(this.clock.now()) };
    const count = await this.inheritances.count(of);
    if (count > MAX_KEYS) throw tooMany(count);
  }

  async #rework(
    { organizationId }: OfTemplates,
    page: readonly InheritingKey[],
    cause: Cause,
  ): Promise<number> {
    const ties = new Map(page.map((tie) => [tie.id, tie]));
    let changed = 0;
    for (const key of await this.keys.lockAllForUpdate(organizationId, [...ties.keys()])) {
      const policy = policyOf(cause.tree, ties.get(key.id) as InheritingKey);
      if (isSame(key, policy)) continue;
      await this.#write(key, policy, cause);
      changed++;
    }
    return changed;
  }

  async #write(
    key: ApiKeyEntity,
    { policy, sources }: SourcedPolicy,
    { template, by }: Cause,
  ): Promise<void> {
    // A new signing secret is seen by nobody here: whoever has the key asks for another.
    const { sealedSigningSecret } = this.signingSecrets.afterChange(key, policy.requiresSignature);
    const changes = {
      policy: toPolicyDocument(policy),
      policySources: sources,
      sealedSigningSecret,
    };
    await this.written.update(key, changes, by, {
      action: 'key.policy_followed',
      details: { cause: template.id, policy_version: template.version },
    });
  }
}

function isSame(key: ApiKeyEntity, { policy, sources }: SourcedPolicy): boolean {
  return (
    isDeepStrictEqual(fromPolicyDocument(key.policy), policy) &&
    isDeepStrictEqual(key.policySources, sources)
  );
}

/** @throws {AppError} `conflict` naming the key */
export function policyOf(tree: TemplateTree, tie: InheritingKey): SourcedPolicy {
  try {
    return tree.policyOf(tie);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError('conflict', { message: `The key ${tie.id} can’t follow: ${error.message}` });
  }
}

function outOfReach(count: number): AppError {
  const keys = count === 1 ? '1 key that is' : `${count} keys that are`;
  return new AppError('escalation_denied', {
    message: `Of what inherits from this policy ${keys} not yours to change. Who may change all of them changes it.`,
    details: { keys: count },
  });
}

function tooMany(count: number): AppError {
  return new AppError('conflict', {
    message: `${count} keys inherit from this policy, and at most ${MAX_KEYS} can follow at once. Let some inherit from another.`,
  });
}
