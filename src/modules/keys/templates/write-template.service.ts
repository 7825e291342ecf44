import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyView } from '../domain/key-view.js';
import { assertPolicyWithin } from '../domain/policy/policy-within.js';
import type { CreatePolicyDto } from './dto/policy-template.dto.js';
import { FollowTemplateService } from './follow-template.service.js';
import { PlanTemplateService } from './plan-template.service.js';
import type { PolicyTemplate } from './policy-template.js';
import { PolicyTemplateRepository } from './policy-template.repository.js';
import { RecordTemplateService } from './record-template.service.js';

/** What one organization may have. */
const MAX_TEMPLATES = 1_000;

/** Makes templates of policies, and deletes them. */
@Injectable()
export class WriteTemplateService {
  constructor(
    private readonly templates: PolicyTemplateRepository,
    private readonly written: RecordTemplateService,
    private readonly plans: PlanTemplateService,
    private readonly followers: FollowTemplateService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws {AppError} `escalation_denied` where it allows more than the caller has, `not_found` of the template that it is
   *   built upon, `conflict` for a name that is taken or one too many, `invalid_request`
   */
  async create(caller: KeyView, dto: CreatePolicyDto): Promise<PolicyTemplate> {
    const { organizationId } = caller;
    return this.transactions.run(async () => {
      await this.templates.holdForChange(organizationId);
      if ((await this.templates.count(organizationId)) >= MAX_TEMPLATES) throw tooMany();
      const now = new Date(this.clock.now());
      const template: PolicyTemplate = {
        id: newId('policy'),
        organizationId,
        ...(await this.plans.contentOf(organizationId, dto, null)),
        version: 1,
        createdBy: caller.keyId,
        createdAt: now,
        updatedAt: now,
      };
      const { policy } = await this.plans.plan(template);
      assertPolicyWithin(caller.policy, policy);
      await this.written.created(template);
      return template;
    });
  }

  /**
   * Deletes a template from which nothing inherits.
   * @throws {AppError} `not_found`, `precondition_failed`, `conflict` saying how much does, `escalation_denied`
   */
  async delete(caller: KeyView, id: string, ifMatch: string | null): Promise<void> {
    const { organizationId } = caller;
    await this.transactions.run(async () => {
      await this.templates.holdForChange(organizationId);
      const current = await this.#find(organizationId, id);
      if (ifMatch !== null) assertMatches(ifMatch, 'policy', current.version);
      const { policy, familyIds } = await this.plans.plan(current);
      await this.followers.assertManagesAll(caller, familyIds);
      assertPolicyWithin(caller.policy, policy);
      const now = new Date(this.clock.now());
      const keys = await this.followers.count({ organizationId, templateIds: [id], now });
      const templates = await this.templates.countChildren(organizationId, id);
      if (keys + templates > 0) throw inUse(keys, templates);
      await this.written.deleted(current);
    });
  }

  async #find(organizationId: string, id: string): Promise<PolicyTemplate> {
    const template = await this.templates.find(organizationId, id);
    if (!template) throw noPolicy(id);
    return template;
  }
}

export function noPolicy(id: string): AppError {
  return new AppError('not_found', { message: `There is no policy ${id}.` });
}

function tooMany(): AppError {
  const message = `An organization has at most ${MAX_TEMPLATES} policies. Delete one first.`;
  return new AppError('conflict', { message });
}

function inUse(keys: number, templates: number): AppError {
  return new AppError('conflict', {
    message: `${keys} keys and ${templates} policies inherit from this policy. Let them inherit from another first.`,
    details: { keys, policies: templates },
  });
}
