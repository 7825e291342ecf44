import { Injectable } from '@nestjs/common';

import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import { BudgetRepository } from './budget.repository.js';
import { viewBudget } from './budget.view.js';
import type { BudgetResponse } from './dto/budget.responses.js';

@Injectable()
export class ReadBudgetsService {
  constructor(private readonly budgets: BudgetRepository) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<BudgetResponse>> {
    const rows = await this.budgets.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewBudget);
  }
}
