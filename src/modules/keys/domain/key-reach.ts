import { isLimited, type Reach, reachOf } from '#common/auth/reach.js';
import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from './key-view.js';

export { isLimited, reachOf };

/** Which keys somebody gets to see; their own, and those of teams that they are in, are joined by those that they are members of. */
export type KeyReach = Reach;

/** For what is done in nobody’s name. */
export function wholeOrganization(organizationId: string): KeyReach {
  return { organizationId, userId: null, teamId: null };
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
