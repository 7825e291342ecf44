import { scopeMask } from '#common/auth/scopes.js';

import type { Belonging } from '../../domain/belonging.js';
import type { Grant } from '../../domain/grant.js';
import { comparePolicies } from '../../domain/policy/compare-policies.js';

/**
 * The fields in which `after` allows anything that `before` does not. What is neither more nor less, but something else, counts
 * as more.
 */
export function widenedFields(before: Grant, after: Grant): string[] {
  const { wider, different } = comparePolicies(before.policy, after.policy);
  const added = scopeMask(after.scopes) & ~scopeMask(before.scopes);
  return [
    ...wider,
    ...different,
    ...(added === 0 ? [] : ['scopes']),
    ...(isLevelRaised(before, after) ? ['access_level'] : []),
    ...(endOf(after) > endOf(before) ? ['expires_at'] : []),
  ];
}

/** Where a key is brought to another team, project or owner it is not told whether it reaches more there: all of it counts. */
export function movedFields(before: Belonging, changes: Partial<Belonging>): string[] {
  const { type, teamId, projectIds, ownerId } = changes;
  const isMoved =
    (teamId !== undefined && teamId !== before.teamId) ||
    (projectIds !== undefined && !isSameList(projectIds, before.projectIds));
  const isHanded =
    (type !== undefined && type !== before.type) ||
    (ownerId !== undefined && ownerId !== before.ownerId);
  return [...(isHanded ? ['type'] : []), ...(isMoved ? ['scope'] : [])];
}

/** Beyond its scopes: a read-only key is held to a list of routes, and a master key reaches every organization. */
function isLevelRaised(before: Grant, after: Grant): boolean {
  if (before.accessLevel === after.accessLevel) return false;
  return before.accessLevel === 'read_only' || after.accessLevel === 'master';
}

function endOf({ expiresAt }: Grant): number {
  return expiresAt ?? Infinity;
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
