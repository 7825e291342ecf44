import { scopeMask, type ScopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from './key-view.js';

/** Which keys somebody gets to see: those of one organization that meet every condition that is not `null`. */
export type KeyReach = {
  readonly organizationId: string;
  /** Their own, those of teams that they are in, and those that they are members of. */
  readonly userId: string | null;
  /** Those of this team. */
  readonly teamId: string | null;
};

const MANAGES_KEYS = scopeMask(['keys:write']);
const MANAGES_ORGANIZATION = scopeMask(['org:write']);

/** For what is done in nobody’s name. */
export function wholeOrganization(organizationId: string): KeyReach {
  return { organizationId, userId: null, teamId: null };
}

/**
 * A key of a team reaches its team’s keys only. Who makes keys without having a say in the organization reaches their own and
 * their teams’ only, and so does a key of somebody’s own: what it may do must not depend on which of its owner’s scopes it has.
 */
export function reachOf({
  organizationId,
  userId,
  role,
  teamId,
  scopeMask: has,
}: KeyView): KeyReach {
  const isLimited =
    !hasAll(has, MANAGES_ORGANIZATION) && (role === null || hasAll(has, MANAGES_KEYS));
  return { organizationId, userId: isLimited ? userId : null, teamId };
}

/** Whether that leaves out any key of the organization. */
export function isLimited({ userId, teamId }: KeyReach): boolean {
  return userId !== null || teamId !== null;
}

export function reachesAll(caller: KeyView): boolean {
  return !isLimited(reachOf(caller));
}

/**
 * For what is of all keys together.
 * @param instead what to do where only some are reached
 * @throws {AppError} `operation_not_allowed`
 */
export function assertReachesAll(caller: KeyView, instead: string): void {
  if (reachesAll(caller)) return;
  throw new AppError('operation_not_allowed', {
    message: `This is of all keys of the organization, and you reach only some. ${instead}`,
  });
}

function hasAll(mask: ScopeMask, scopes: ScopeMask): boolean {
  return (mask & scopes) === scopes;
}
