import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';
import { Memberships, Projects, type ServiceAccount, Teams } from '#modules/organizations/index.js';

import type { Belonging, KeyMember, KeyType } from '../domain/belonging.js';
import type { Grant } from '../domain/grant.js';
import { reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import type { BelongingDto } from '../dto/belonging.dto.js';
import { SettleServiceAccountService } from './settle-service-account.service.js';

/** Decides whom a key belongs to, of what is asked for and what its maker belongs to itself. */
@Injectable()
export class SettleBelongingService {
  constructor(
    private readonly teams: Teams,
    private readonly projects: Projects,
    private readonly memberships: Memberships,
    private readonly accounts: SettleServiceAccountService,
  ) {}

  /**
   * @param current what the key belongs to that is changed; `null` for a new one
   * @throws {AppError} `invalid_request` naming the field, also for what is another organization's; `escalation_denied` for
   * what the caller does not belong to itself
   */
  async settle(caller: KeyView, dto: BelongingDto, current: Belonging | null): Promise<Belonging> {
    const account = await this.accounts.settle(caller, dto, current);
    const teamId = await this.#teamOf(caller, dto, { account, current });
    const projectIds = await this.#projectsOf(caller, dto, { teamId, current });
    const asked = account ? 'service' : dto.type;
    const settled = asked ?? current?.type ?? defaultType(caller, teamId);
    if (settled === 'team' && teamId === null) {
      throw invalid('scope.team_id', 'A key of type team needs scope.team_id.');
    }
    const ownerId = ownerOf(settled, caller, current);
    await this.#assertMayHave(caller, { teamId, ownerId });
    return { type: settled, teamId, projectIds, ownerId, serviceAccountId: account?.id ?? null };
  }

  /** @throws {AppError} `escalation_denied` naming the field by which a key of a service account would do more than that */
  assertGrant(
    { organizationId }: KeyView,
    { serviceAccountId }: Pick<Belonging, 'serviceAccountId'>,
    grant: Pick<Grant, 'accessLevel' | 'scopes'>,
  ): Promise<void> {
    return this.accounts.assertWithin(organizationId, serviceAccountId, grant);
  }

  /** @throws {AppError} `invalid_request` naming who is no member of the organization, or is named twice */
  async members(
    { organizationId }: KeyView,
    { members: asked }: BelongingDto,
  ): Promise<KeyMember[] | null> {
    if (!isGiven(asked)) return null;
    const ids = asked.map(({ user_id: id }) => id);
    const known = await this.memberships.membersAmong(organizationId, ids);
    return asked.map(({ user_id: userId, role, can_manage_key: canManageKey }, at) => {
      const param = `members[${at}].user_id`;
      if (!known.has(userId)) throw invalid(param, `${userId} is no member of the organization.`);
      if (ids.indexOf(userId) !== at) throw invalid(param, `${userId} is named twice.`);
      return { userId, role, canManageKey };
    });
  }

  async #teamOf(
    caller: KeyView,
    { scope }: BelongingDto,
    { account, current }: { account: ServiceAccount | null; current: Belonging | null },
  ): Promise<string | null> {
    const { organizationId } = caller;
    const { organization_id: organization, team_id: asked } = scope ?? {};
    if (isGiven(organization) && organization !== organizationId) {
      throw invalid('scope.organization_id', `There is no organization ${organization}.`);
    }
    if (isGiven(asked) && !(await this.teams.find(organizationId, asked))) {
      throw invalid('scope.team_id', `There is no team ${asked}.`);
    }
    const before = account?.teamId ?? (current ? current.teamId : caller.teamId);
    const teamId = asked === undefined ? before : asked;
    assertTeamOf(account, teamId);
    if (caller.teamId === null || teamId === caller.teamId) return teamId;
    throw denied(
      'scope.team_id',
      `This key is of the team ${caller.teamId}, and so are those that it makes.`,
    );
  }

  async #projectsOf(
    { organizationId, projectIds: own }: KeyView,
    { scope }: BelongingDto,
    { teamId, current }: { readonly teamId: string | null; readonly current: Belonging | null },
  ): Promise<readonly string[]> {
    const asked = scope?.projects;
    if (!isGiven(asked)) return current?.projectIds ?? own;
    if (asked.length === 0) return own;
    const found = await this.projects.findAll(organizationId, asked);
    const teams = new Map(found.map((project) => [project.id, project.teamId]));
    for (const id of asked) {
      assertProjectOf(teamId, id, teams.get(id));
      if (own.length === 0 || own.includes(id)) continue;
      throw denied('scope.projects', `This key is not for the project ${id} itself.`);
    }
    return asked;
  }

  /** Who sees only some keys may not make others: the key would be nobody’s that they can be held to. */
  async #assertMayHave(
    caller: KeyView,
    { teamId, ownerId }: Pick<Belonging, 'teamId' | 'ownerId'>,
  ): Promise<void> {
    const { organizationId, userId } = reachOf(caller);
    if (userId === null) return;
    const isOwn = ownerId === userId;
    if (teamId === null) {
      if (isOwn) return;
      throw denied('type', 'You may make keys of your own, and of teams whose keys you manage.');
    }
    const membership = await this.teams.membershipOf(organizationId, teamId, userId);
    if (membership && (isOwn || membership.canManageKeys)) return;
    throw denied('scope.team_id', `You don’t manage the keys of the team ${teamId}.`);
  }
}

function assertTeamOf(account: ServiceAccount | null, teamId: string | null): void {
  if (!account?.teamId || account.teamId === teamId) return;
  throw invalid('scope.team_id', `The service account ${account.id} is in another team.`);
}

/** @param its the team of the project; `undefined`: there is no such project */
function assertProjectOf(teamId: string | null, id: string, its: string | null | undefined): void {
  if (its === undefined) throw invalid('scope.projects', `There is no project ${id}.`);
  if (its === null || teamId === null || its === teamId) return;
  throw invalid('scope.projects', `The project ${id} is another team’s.`);
}

function defaultType({ userId }: KeyView, teamId: string | null): KeyType {
  return userId === null && teamId !== null ? 'team' : 'personal';
}

function ownerOf(type: KeyType, { userId }: KeyView, current: Belonging | null): string | null {
  if (type !== 'personal') return null;
  return current?.type === 'personal' ? current.ownerId : userId;
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { param, message });
}

function denied(param: string, message: string): AppError {
  return new AppError('escalation_denied', { param, message });
}
