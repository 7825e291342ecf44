import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';

import type { TeamMemberResponse, TeamResponse } from './dto/team.responses.js';
import { TeamMemberRepository } from './team-member.repository.js';
import { TeamRepository, type TeamRow } from './team.repository.js';
import { viewTeam, viewTeamMember } from './team.view.js';

@Injectable()
export class ReadTeamsService {
  constructor(
    private readonly teams: TeamRepository,
    private readonly members: TeamMemberRepository,
  ) {}

  async list(organizationId: string, { limit, cursor }: PageQuery): Promise<Page<TeamResponse>> {
    const rows = await this.teams.list(organizationId, decodeCursor(cursor), limit);
    return toPage(rows, limit, viewTeam);
  }

  /** @throws {AppError} `not_found`, also for another organization's */
  async get(organizationId: string, id: string): Promise<TeamRow> {
    return teamOr404(await this.teams.find(organizationId, id), id);
  }

  /** @throws {AppError} as {@link get} */
  async listMembers(
    organizationId: string,
    teamId: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<TeamMemberResponse>> {
    await this.get(organizationId, teamId);
    const after = decodeCursor(cursor);
    const rows = await this.members.list(organizationId, teamId, after, limit);
    return toPage(
      rows.map((row) => ({ ...row, id: row.userId })),
      limit,
      viewTeamMember,
    );
  }
}

export function teamOr404<Found>(found: Found | null, id: string): Found {
  if (found === null) throw new AppError('not_found', { message: `There is no team ${id}.` });
  return found;
}
