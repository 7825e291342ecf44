import { ApiProperty } from '@nestjs/swagger';

import {
  BUDGET_SCOPES,
  BUDGET_WINDOWS,
  type BudgetScope,
  type BudgetWindow,
} from '../domain/organization-budgets.js';

export class BudgetResponse {
  @ApiProperty({ example: 'bud_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ enum: BUDGET_SCOPES })
  scope: BudgetScope;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The id of whom it binds; `null` where the scope is `each_key` or `each_user`.',
  })
  scope_id: string | null;

  @ApiProperty({ enum: BUDGET_WINDOWS })
  window: BudgetWindow;

  @ApiProperty({ type: String, example: 'gpt-4*', nullable: true, description: '`null`: all.' })
  model: string | null;

  @ApiProperty({ example: 25, description: 'USD, up to nine places.' })
  limit: number;

  @ApiProperty({ type: Number, example: 0.8, nullable: true })
  alert_threshold: number | null;

  @ApiProperty({ type: String, format: 'date-time' })
  created_at: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updated_at: string;

  @ApiProperty({ example: 1, description: 'Grows by one with each change.' })
  version: number;
}

export class BudgetListResponse {
  @ApiProperty({ type: [BudgetResponse] })
  data: BudgetResponse[];

  @ApiProperty()
  has_more: boolean;

  @ApiProperty({ type: String, nullable: true })
  next_cursor: string | null;
}

export class DeletedBudgetResponse {
  @ApiProperty({ example: 'bud_4fTqV0mZx1sLwq8nE2bYcA' })
  id: string;

  @ApiProperty({ example: true })
  deleted: true;
}
