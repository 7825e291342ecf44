import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { isLimited, type Reach, reachOf } from '#common/auth/reach.js';
import { AppError } from '#common/errors/app-error.js';
import { Projects, Teams } from '#modules/organizations/index.js';

import type { BudgetEntity } from './budget.entity.js';
import { BudgetRepository } from './budget.repository.js';
import { isOneOf, noSuchSubject } from './budget-subjects.service.js';
import { KnownKeys } from './known-keys.js';

type Bound = Pick<BudgetEntity, 'scope' | 'scopeId'>;

/**
 * Whose budgets are whose. Who reaches only some keys reaches the budgets of these, of their teams and the projects of
 * those, and their own; not those of the whole organization, nor of all keys or users.
 */
@Injectable()
export class BudgetReach {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly keys: KnownKeys,
    private readonly teams: Teams,
    private readonly projects: Projects,
  ) {}

  /** The ids of the budgets that the caller reaches; `null`: all of the organization. */
  async idsOf(caller: Principal): Promise<string[] | null> {
    const reach = reachOf(caller);
    if (!isLimited(reach)) return null;
    // An organization has at most 1,000.
    const all = await this.budgets.listAll(reach.organizationId);
    return (await this.#among(reach, all)).map(({ id }) => id);
  }

  /**
   * For a budget of what the caller does not reach: one that is there, and is another's, is as missing as one that is not.
   * @throws {AppError} `not_found` naming `scope_id`; `escalation_denied` naming `scope`, for what is of the whole organization
   */
  async assertReaches(caller: Principal, bound: Bound): Promise<void> {
    const reach = reachOf(caller);
    if (!isLimited(reach) || (await this.#among(reach, [bound])).length > 0) return;
    if (isOneOf(bound.scope)) throw noSuchSubject(bound.scope, bound.scopeId);
    throw new AppError('escalation_denied', {
      param: 'scope',
      message:
        'Who reaches only some keys sets budgets only of these, of their teams and projects.',
    });
  }

  async #among<T extends Bound>(reach: Reach, budgets: readonly T[]): Promise<T[]> {
    const idsOf = (scope: Bound['scope']): string[] =>
      budgets.filter((one) => one.scope === scope).map(({ scopeId }) => scopeId);
    const { organizationId, userId, teamId } = reach;
    const teamIds = await this.#teamsOf(reach);
    const projects = await this.projects.findAll(organizationId, idsOf('project'));
    const reached: Partial<Record<Bound['scope'], ReadonlySet<string>>> = {
      key: await this.keys.reached(reach, idsOf('key')),
      team: teamIds,
      project: new Set(
        projects
          .filter((one) => one.teamId !== null && teamIds.has(one.teamId))
          .map(({ id }) => id),
      ),
      // What somebody spends is also of their keys elsewhere, which a key of a team does not reach.
      user: new Set(userId === null || teamId !== null ? [] : [userId]),
    };
    return budgets.filter(({ scope, scopeId }) => reached[scope]?.has(scopeId));
  }

  async #teamsOf({ organizationId, userId, teamId }: Reach): Promise<ReadonlySet<string>> {
    if (userId === null) return new Set(teamId === null ? [] : [teamId]);
    const ids = await this.teams.idsOf(organizationId, userId);
    return new Set(ids.filter((id) => teamId === null || id === teamId));
  }
}
