import { Injectable } from '@nestjs/common';

import {
  type Account,
  allowancesFor,
  BudgetDirectory,
  CallLimiter,
  creditOf,
  type OrganizationBudgets,
} from '#modules/limits/index.js';

import type { KeyView } from './domain/key-view.js';
import { compileNames } from './domain/matching/names.js';

/** What binds the calls of a key, as its policy and the budgets are: a change makes new ones of either. */
type Bound = {
  readonly budgets: OrganizationBudgets;
  /** Of calls to models, which the organization's credit pays for. */
  readonly account: Account;
  /** Of what the gateway does not do itself. */
  readonly limits: Account;
};

/** Remembers of each key what it takes of: its own limits, the budgets that it shares, and the organization's credit. */
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
      ? budgets.then((found) => this.#boundBy(view, found).account)
      : this.#boundBy(view, budgets).account;
  }

  /** As {@link accountOf}, without the organization's credit. */
  async limitsOf(view: KeyView): Promise<Account> {
    return this.#boundBy(view, await this.budgets.allowancesOf(view.organizationId)).limits;
  }

  #boundBy(view: KeyView, budgets: OrganizationBudgets): Bound {
    const { limits } = view;
    const known = this.#bound.get(limits);
    if (known?.budgets === budgets) return known;
    const allowances = [...limits.allowances, ...allowancesFor(budgets, view)];
    const bound = {
      budgets,
      account: this.limiter.openAccount([...allowances, creditOf(view.organizationId)], isOneOf),
      limits: this.limiter.openAccount(allowances, isOneOf),
    };
    this.#bound.set(limits, bound);
    return bound;
  }
}

function isOneOf(pattern: string, model: string): boolean {
  return compileNames([pattern])(model);
}
