import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { reachOf } from '#common/auth/reach.js';
import { AppError } from '#common/errors/app-error.js';
import { Teams } from '#modules/organizations/index.js';
import { isForeignKeyViolation } from '#platform/database/pg-errors.js';

/** Which channels somebody gets to see, and with the scope for it to change. */
export type ChannelReach = {
  readonly organizationId: string;
  /** Those of these teams; `null`: all of the organization, those of keys included. */
  readonly teamIds: readonly string[] | null;
};

/** Conditions of a query over `notification_channels`, whose first two parameters are {@link reachParameters}. */
export const REACHED = 'organization_id = $1 AND ($2::text[] IS NULL OR team_id = ANY ($2))';

export function reachParameters({ organizationId, teamIds }: ChannelReach): unknown[] {
  return [organizationId, teamIds];
}

/** Whose channels are whose: who reaches only the keys of some teams reaches only the channels of these. */
@Injectable()
export class ChannelReaches {
  constructor(private readonly teams: Teams) {}

  async of(caller: Principal): Promise<ChannelReach> {
    const { organizationId, userId, teamId } = reachOf(caller);
    if (userId === null) return { organizationId, teamIds: teamId === null ? null : [teamId] };
    const teamIds = await this.teams.idsOf(organizationId, userId);
    return { organizationId, teamIds: teamIds.filter((id) => teamId === null || id === teamId) };
  }

  /**
   * The team of a channel that is made or moved.
   * @param asked `undefined`: that of who makes it
   * @throws {AppError} `not_found` naming `team_id`, also for another organization's; `escalation_denied` for another than the
   * caller's own
   */
  async settleTeam(
    { organizationId, teamIds }: ChannelReach,
    asked: string | null | undefined,
  ): Promise<string | null> {
    const teamId = asked === undefined ? (teamIds?.[0] ?? null) : asked;
    if (teamId !== null && !(await this.teams.find(organizationId, teamId))) {
      throw noSuchTeam(teamId);
    }
    if (teamIds === null || (teamId !== null && teamIds.includes(teamId))) return teamId;
    throw new AppError('escalation_denied', {
      param: 'team_id',
      message: 'Who reaches only the keys of teams has channels of these teams only.',
    });
  }
}

/** @throws {AppError} `not_found` naming `team_id` where the team is deleted while `write` runs */
export async function refuseGoneTeam<T>(
  teamId: string | null | undefined,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!teamId || !isForeignKeyViolation(error)) throw error;
    throw noSuchTeam(teamId, error);
  }
}

function noSuchTeam(teamId: string, cause?: unknown): AppError {
  return new AppError('not_found', {
    param: 'team_id',
    message: `There is no team ${teamId}.`,
    ...(cause !== undefined && { cause }),
  });
}
