import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Memberships, Projects, Teams } from '#modules/organizations/index.js';

import type { BudgetScope } from './domain/organization-budgets.js';
import type { PutBudgetDto } from './dto/budget.dto.js';
import { KnownKeys } from './known-keys.js';

type OneOf = Exclude<BudgetScope, 'each_key' | 'each_user' | 'organization'>;

const WITHOUT_ID: Readonly<Record<Exclude<BudgetScope, OneOf>, string>> = {
  each_key: 'The scope each_key is about all keys: leave scope_id out.',
  each_user: 'The scope each_user is about all users: leave scope_id out.',
  organization:
    'The scope organization is about your own: leave scope_id out, or give your own id.',
};

/** Whom budgets bind. */
@Injectable()
export class BudgetSubjects {
  readonly #has: Readonly<Record<OneOf, (organizationId: string, id: string) => Promise<boolean>>>;

  constructor(keys: KnownKeys, memberships: Memberships, teams: Teams, projects: Projects) {
    this.#has = {
      key: (organizationId, id) => keys.has(organizationId, id),
      user: async (organizationId, id) =>
        (await memberships.membersAmong(organizationId, [id])).has(id),
      team: async (organizationId, id) => (await teams.find(organizationId, id)) !== null,
      project: async (organizationId, id) =>
        (await projects.findAll(organizationId, [id])).length > 0,
    };
  }

  /**
   * The id under which a budget is kept: the organization's own where the scope is not one of its keys, users, teams or projects.
   * @throws {AppError} `invalid_request` and `not_found` naming `scope_id`, also for what another organization has
   */
  async scopeIdOf(
    organizationId: string,
    { scope, scope_id: given = null }: PutBudgetDto,
  ): Promise<string> {
    if (!isOneOf(scope)) {
      const isOwn = scope === 'organization' && given === organizationId;
      if (given === null || isOwn) return organizationId;
      throw wrongScopeId(WITHOUT_ID[scope]);
    }
    if (given === null) {
      throw wrongScopeId(`The scope ${scope} needs the id of a ${scope} in scope_id.`);
    }
    if (await this.#has[scope](organizationId, given)) return given;
    throw noSuchSubject(scope, given);
  }
}

/** Whether it binds one key, user, team or project, whose id it needs. */
export function isOneOf(scope: BudgetScope): scope is OneOf {
  return !(scope in WITHOUT_ID);
}

function wrongScopeId(message: string): AppError {
  return new AppError('invalid_request', { message, param: 'scope_id' });
}

export function noSuchSubject(scope: OneOf, id: string): AppError {
  return new AppError('not_found', { message: `There is no ${scope} ${id}.`, param: 'scope_id' });
}
