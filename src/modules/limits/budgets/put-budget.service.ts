import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import { BudgetApprovals } from './budget-approvals.service.js';
import type { BudgetEntity } from './budget.entity.js';
import { BudgetReach } from './budget-reach.service.js';
import { BudgetRepository } from './budget.repository.js';
import { BudgetSubjects } from './budget-subjects.service.js';
import { isOn, termsOf } from './domain/budget-terms.js';
import { ALL_MODELS } from './domain/organization-budgets.js';
import type { PutBudgetDto } from './dto/budget.dto.js';
import { WriteBudgetService } from './write-budget.service.js';

/** What became of it. */
export type BudgetOutcome = {
  readonly budget: BudgetEntity;
  /** Where somebody else has to approve it first: nothing of it is done yet. */
  readonly request: ApprovalResponse | null;
};

@Injectable()
export class PutBudgetService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly subjects: BudgetSubjects,
    private readonly reach: BudgetReach,
    private readonly approvals: BudgetApprovals,
    private readonly written: WriteBudgetService,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * Makes the budget, or changes the one that is there of the same scope, window and models. Of several calls at once
   * exactly one makes it.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any, and for none yet
   * @throws {AppError} `invalid_request` and `not_found` naming `scope_id`; `escalation_denied`;
   *   `precondition_failed`; `conflict` for one too many, or while something else that was asked for it waits
   */
  async put(caller: Principal, dto: PutBudgetDto, ifMatch: string | null): Promise<BudgetOutcome> {
    const { organizationId } = caller;
    const { scope, window, model } = dto;
    const terms = termsOf(dto);
    return this.transactions.run(async () => {
      await this.budgets.hold(organizationId);
      // Now, so that whom it binds is not deleted meanwhile.
      const scopeId = await this.subjects.scopeIdOf(organizationId, dto);
      await this.reach.assertReaches(caller, { scope, scopeId });
      const identity = { organizationId, scope, scopeId, window, model: model ?? ALL_MODELS };
      const current = await this.budgets.lockByIdentity(identity);
      if (ifMatch !== null) assertMatches(ifMatch, 'budget', current?.version ?? null);
      if (!current) {
        return { budget: await this.written.make({ ...identity, ...terms }), request: null };
      }
      if (isOn(terms, current)) return { budget: current, request: null };
      const asked = { action: 'update', body: { ...dto } } as const;
      const request = await this.approvals.hold(caller, current, terms.limitNanos, asked);
      const budget = request ? current : await this.written.update(current, terms);
      return { budget, request };
    });
  }
}
