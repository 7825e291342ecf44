import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { assertMatches } from '#common/validation/if-match.js';
import type { SubjectChange } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import type { KeyView } from '../domain/key-view.js';
import { assertPolicyWithin } from '../domain/policy/policy-within.js';
import type { ChangePolicyDto } from './dto/policy-template.dto.js';
import { FollowTemplateService } from './follow-template.service.js';
import { HoldTemplateService } from './hold-template.service.js';
import { PlanTemplateService, type TemplatePlan } from './plan-template.service.js';
import type { PolicyTemplate } from './policy-template.js';
import { RecordTemplateService } from './record-template.service.js';
import { noPolicy } from './write-template.service.js';

/** What became of a change. */
export type TemplateOutcome = {
  readonly template: PolicyTemplate;
  readonly changedKeys: number;
  /** Where somebody else has to approve it first: nothing of it is done yet. */
  readonly request: ApprovalResponse | null;
};

type Approved = {
  readonly organizationId: string;
  readonly subjectId: string;
  readonly change: SubjectChange;
  readonly requester: KeyView;
  readonly approver: KeyView;
};

type Planned = { readonly template: PolicyTemplate; readonly plan: TemplatePlan };

/** Changes of a template that exists. Each is one transaction with all that follows from it. */
@Injectable()
export class ChangeTemplateService {
  constructor(
    private readonly written: RecordTemplateService,
    private readonly plans: PlanTemplateService,
    private readonly followers: FollowTemplateService,
    private readonly approvals: HoldTemplateService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Changes what is given, and with it every key that inherits from it; or, where one of these gets more only with somebody's
   * approval, nothing yet.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @throws {AppError} `escalation_denied` where it allows more than the caller has, `not_found`, `precondition_failed`,
   * `invalid_request`; `conflict` for a name that is taken, where keys can't follow, or while another change waits
   */
  async change(
    caller: KeyView,
    id: string,
    dto: ChangePolicyDto,
    ifMatch: string | null,
  ): Promise<TemplateOutcome> {
    const { organizationId, keyId } = caller;
    return this.transactions.run(async () => {
      await this.written.hold(organizationId);
      const current = await this.written.find(organizationId, id);
      if (!current) throw noPolicy(id);
      if (ifMatch !== null) assertMatches(ifMatch, 'policy', current.version);
      const planned = await this.#plan(current, dto);
      await this.followers.assertManagesAll(caller, planned.plan.familyIds);
      assertPolicyWithin(caller.policy, planned.plan.policy);
      await this.followers.assertCanFollow(organizationId, planned.plan.familyIds);
      const request = await this.approvals.hold(caller, current, dto, planned.plan);
      if (request) return { template: current, changedKeys: 0, request };
      return { ...(await this.#write(current, planned, keyId)), request: null };
    });
  }

  /**
   * Does what was approved, with the organization's templates held, as far as both who asked and who approves may do it by now.
   * @throws {AppError} `conflict` for a template that has changed since, and as {@link change}
   */
  async changeApproved({
    organizationId,
    subjectId: id,
    change: { version, body = {} },
    requester,
    approver,
  }: Approved): Promise<void> {
    const current = await this.written.find(organizationId, id);
    if (current?.version !== version || !current) throw changedMeanwhile(id);
    const planned = await this.#plan(current, body);
    for (const caller of [requester, approver]) {
      await this.followers.assertManagesAll(caller, planned.plan.familyIds);
      assertPolicyWithin(caller.policy, planned.plan.policy);
    }
    await this.#write(current, planned, approver.keyId);
  }

  async #plan(current: PolicyTemplate, dto: ChangePolicyDto): Promise<Planned> {
    const template = {
      ...current,
      ...(await this.plans.contentOf(current.organizationId, dto, current)),
      version: current.version + 1,
      updatedAt: new Date(this.clock.now()),
    };
    return { template, plan: await this.plans.plan(template) };
  }

  async #write(
    current: PolicyTemplate,
    { template, plan: { tree, familyIds } }: Planned,
    by: string,
  ): Promise<Omit<TemplateOutcome, 'request'>> {
    await this.written.changed(current, template, by);
    const changedKeys = await this.followers.follow(template, familyIds, tree, by);
    return { template, changedKeys };
  }
}

function changedMeanwhile(id: string): AppError {
  return new AppError('conflict', {
    message: `The policy ${id} was changed, or deleted, meanwhile: reject this, and ask again for what is wanted now.`,
  });
}
