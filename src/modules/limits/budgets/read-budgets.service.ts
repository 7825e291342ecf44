import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import { BudgetReach } from './budget-reach.service.js';
import { BudgetRepository } from './budget.repository.js';
import { viewBudget } from './budget.view.js';
import type { BudgetResponse } from './dto/budget.responses.js';

@Injectable()
export class ReadBudgetsService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly reach: BudgetReach,
  ) {}

  /** Those that the caller reaches. */
  async list(caller: Principal, { limit, cursor }: PageQuery): Promise<Page<BudgetResponse>> {
    const { organizationId } = caller;
    const after = decodeCursor(cursor);
    const ids = await this.reach.idsOf(caller);
    const rows = await this.budgets.list({ organizationId, ids }, after, limit);
    return toPage(rows, limit, viewBudget);
  }
}
