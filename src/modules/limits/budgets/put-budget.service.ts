import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { parseUsd } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import { assertMatches } from '#common/validation/if-match.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { BudgetEntity } from './budget.entity.js';
import { BudgetReach } from './budget-reach.service.js';
import { type BudgetIdentity, BudgetRepository } from './budget.repository.js';
import { BudgetSubjects } from './budget-subjects.service.js';
import { ALL_MODELS } from './domain/organization-budgets.js';
import type { PutBudgetDto } from './dto/budget.dto.js';
import { RecordBudgetService } from './record-budget.service.js';

/** What one organization may have: the whole of it is held in memory by every instance that serves it. */
const MAX_BUDGETS = 1_000;

type Terms = Pick<BudgetEntity, 'limitNanos' | 'alertThreshold'>;

@Injectable()
export class PutBudgetService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly subjects: BudgetSubjects,
    private readonly reach: BudgetReach,
    private readonly transactions: TransactionRunner,
    private readonly written: RecordBudgetService,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes the budget, or changes the one that is there of the same scope, window and models. Of several calls at once
   * exactly one makes it.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any, and for none yet
   * @throws {AppError} `invalid_request` and `not_found` naming `scope_id`; `escalation_denied`;
   *   `precondition_failed`; `conflict` for one too many
   */
  async put(caller: Principal, dto: PutBudgetDto, ifMatch: string | null): Promise<BudgetEntity> {
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
      if (current && isOn(terms, current)) return current;
      const now = new Date(this.clock.now());
      return current
        ? this.written.changed(current, { ...terms, updatedAt: now })
        : this.#make({ ...identity, ...terms }, now);
    });
  }

  async #make(given: BudgetIdentity & Terms, now: Date): Promise<BudgetEntity> {
    if ((await this.budgets.count(given.organizationId)) >= MAX_BUDGETS) {
      throw new AppError('conflict', {
        message: `An organization has at most ${MAX_BUDGETS} budgets. Delete one first.`,
      });
    }
    const budget = Object.assign(new BudgetEntity(), {
      id: newId('budget'),
      ...given,
      createdAt: now,
      updatedAt: now,
      version: 1,
    });
    await this.written.created(budget);
    return budget;
  }
}

function termsOf({ limit, alert_threshold: alertThreshold = null }: PutBudgetDto): Terms {
  const nanos = parseUsd(limit);
  if (nanos === null) throw new AppError('invalid_request', { param: 'limit' });
  return { limitNanos: Number(nanos), alertThreshold };
}

function isOn(terms: Terms, budget: BudgetEntity): boolean {
  return budget.limitNanos === terms.limitNanos && budget.alertThreshold === terms.alertThreshold;
}
