import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

/**
 * A key of a team changes what belongs to that team. Others that a team bounds do not get here (`allowsTeamKeys`).
 * @param teamId whose it is; `null`: no team's
 * @throws {AppError} `escalation_denied` naming the field
 */
export function assertOfOwnTeam(
  { teamId: own }: Principal,
  teamId: string | null,
  param?: string,
): void {
  if (own === null || own === teamId) return;
  throw new AppError('escalation_denied', {
    message: 'A key of a team changes what belongs to that team, and nothing else.',
    ...(param !== undefined && { param }),
  });
}
