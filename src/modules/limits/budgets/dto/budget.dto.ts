import { OneOf, Share, Text, Usd } from '#common/validation/fields.js';

import {
  BUDGET_SCOPES,
  BUDGET_WINDOWS,
  type BudgetScope,
  type BudgetWindow,
} from '../domain/organization-budgets.js';

/** In nano-dollars it is still a number that JavaScript holds exactly. */
const MAX_LIMIT_USD = 9_000_000;
/** As patterns of models in policies: at most four stars, no spaces. */
const MODEL_PATTERN = /^[^*\s]*(\*[^*\s]*){0,4}$/;

export class PutBudgetDto {
  @OneOf({
    description:
      'Whom it binds: one key, each key by itself; all keys of one user, or of each user; all keys of one team or project; or all of the organization together.',
    example: 'key',
    values: BUDGET_SCOPES,
  })
  scope: BudgetScope;

  @Text({
    description: 'The id of the key, user, team or project that the scope is one of.',
    example: 'key_4fTqV0mZx1sLwq8nE2bYcA',
    max: 64,
    optional: true,
  })
  scope_id?: string | null;

  @OneOf({
    description:
      'In UTC: a day begins at midnight, a week on Monday, a month on its first day. What was spent before that counts no more.',
    example: 'monthly',
    values: BUDGET_WINDOWS,
  })
  window: BudgetWindow;

  @Text({
    description: 'Only calls to this model count, or to models like `gpt-4*`; all unless said.',
    example: 'gpt-4*',
    max: 256,
    pattern: MODEL_PATTERN,
    optional: true,
  })
  model?: string | null;

  @Usd({ description: 'USD that may be spent in a window.', example: '25.00', max: MAX_LIMIT_USD })
  limit: string | number;

  @Share({
    description: 'The share of the limit at which somebody is told; at all of it in any case.',
    example: 0.8,
    optional: true,
  })
  alert_threshold?: number | null;
}
