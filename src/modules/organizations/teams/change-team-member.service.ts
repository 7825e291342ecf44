import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

import { MemberRepository } from '../members/member.repository.js';
import { RecordMemberChange } from '../members/record-member-change.js';
import { CallerRights } from '../roles/caller-rights.service.js';
import { assertHolds } from '../roles/domain/rights.js';
import { StructureLock } from '../structure-lock.js';
import type { PutTeamMemberDto } from './dto/team.dto.js';
import { teamOr404 } from './read-teams.service.js';
import { TeamMemberRepository, type TeamMemberRow } from './team-member.repository.js';
import { TeamRepository } from './team.repository.js';

/** Who is in a team, and as what. */
@Injectable()
export class ChangeTeamMemberService {
  constructor(
    private readonly teams: TeamRepository,
    private readonly teamMembers: TeamMemberRepository,
    private readonly members: MemberRepository,
    private readonly rights: CallerRights,
    private readonly lock: StructureLock,
    private readonly record: RecordMemberChange,
  ) {}

  /**
   * Takes somebody into the team, or changes what they are in it.
   * @throws {AppError} `not_found` naming the field for who is not a member of the organization; `escalation_denied` for a
   * right over keys that the caller has not, and for a key that more than its scopes bounds
   */
  async put(caller: Principal, teamId: string, dto: PutTeamMemberDto): Promise<TeamMemberRow> {
    const place = { organizationId: caller.organizationId, teamId, userId: dto.user_id };
    return this.lock.run(place.organizationId, async () => {
      const before = await this.#find(place);
      if (!(await this.members.find(place.organizationId, place.userId))) {
        const message = `There is no member ${place.userId}.`;
        throw new AppError('not_found', { message, param: 'user_id' });
      }
      const canManageKeys = dto.can_manage_keys ?? false;
      await this.#checkRights(caller, canManageKeys, before?.canManageKeys ?? false);
      await this.teamMembers.put(place, { role: dto.role, canManageKeys });
      const after = memberOr404(await this.teamMembers.find(place), place.userId);
      await this.record.changedInTeam(place, before, after);
      return after;
    });
  }

  /** @throws {AppError} `not_found`; `escalation_denied` as {@link put} */
  async delete(caller: Principal, teamId: string, userId: string): Promise<void> {
    const place = { organizationId: caller.organizationId, teamId, userId };
    await this.lock.run(place.organizationId, async () => {
      const member = memberOr404(await this.#find(place), userId);
      await this.#checkRights(caller, false, member.canManageKeys);
      await this.teamMembers.delete(place);
      await this.record.changedInTeam(place, member, null);
    });
  }

  async #find(place: {
    organizationId: string;
    teamId: string;
    userId: string;
  }): Promise<TeamMemberRow | null> {
    teamOr404(await this.teams.find(place.organizationId, place.teamId), place.teamId);
    return this.teamMembers.find(place);
  }

  /** Whoever is in a team sees its keys, so a key that is bound to a team must not say who is in another. */
  async #checkRights(caller: Principal, next: boolean, before: boolean): Promise<void> {
    const rights = await this.rights.of(caller);
    if (next !== before) assertHolds(rights, ['keys:write'], 'can_manage_keys');
  }
}

function memberOr404(member: TeamMemberRow | null, userId: string): TeamMemberRow {
  if (member) return member;
  throw new AppError('not_found', { message: `There is no member ${userId} in this team.` });
}
