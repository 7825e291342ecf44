import { Injectable } from '@nestjs/common';

import {
  type Account,
  allowancesFor,
  BudgetDirectory,
  CallLimiter,
  type OrganizationBudgets,
} from '#modules/limits/index.js';

import type { KeyView } from './domain/key-view.js';
import { compileNames } from './domain/matching/names.js';

/** What binds the calls of a key, as its policy and the budgets are: a change makes new ones of either. */
type Bound = { readonly budgets: OrganizationBudgets; readonly account: Account };

/** Remembers of each key what it takes of: its own limits, and the budgets that it shares. */
@Injectable()
export class KeyAccounts {
  readonly #bound = new WeakMap<KeyView['limits'], Bound>();

  constructor(
    private readonly limiter: CallLimiter,
    private readonly budgets: BudgetDirectory,
  ) {}

  /** At once, but where the organization’s budgets must be read first. */
  accountOf(view: KeyView): Account | Promise<Account> {
    const budgets = this.budgets.allowancesOf(view.organizationId);
    return budgets instanceof Promise
      ? budgets.then((found) => this.#accountOf(view, found))
      : this.#accountOf(view, budgets);
  }

  #accountOf(view: KeyView, budgets: OrganizationBudgets): Account {
    const { limits } = view;
    const known = this.#bound.get(limits);
    if (known?.budgets === budgets) return known.account;
    const allowances = [...limits.allowances, ...allowancesFor(budgets, view)];
    const account = this.limiter.openAccount(allowances, isOneOf);
    this.#bound.set(limits, { budgets, account });
    return account;
  }
}

function isOneOf(pattern: string, model: string): boolean {
  return compileNames([pattern])(model);
}
