import type { Principal } from './principal.js';
import { scopeMask, type ScopeMask } from './scopes.js';

/** Which part of an organization somebody gets to see: what meets every condition that is not `null`. */
export type Reach = {
  readonly organizationId: string;
  /** Their own, and what is of teams that they are in. */
  readonly userId: string | null;
  /** What is of this team. */
  readonly teamId: string | null;
};

const MANAGES_KEYS = scopeMask(['keys:write']);
const MANAGES_ORGANIZATION = scopeMask(['org:write']);

/**
 * A key of a team reaches what is of its team only. Who makes keys without having a say in the organization reaches their own
 * and their teams’ only, and so does a key of somebody’s own: what it may do must not depend on which of its owner’s scopes it
 * has.
 */
export function reachOf({
  organizationId,
  userId,
  role,
  teamId,
  scopeMask: has,
}: Pick<Principal, 'organizationId' | 'userId' | 'role' | 'teamId' | 'scopeMask'>): Reach {
  const isOwn = !hasAll(has, MANAGES_ORGANIZATION) && (role === null || hasAll(has, MANAGES_KEYS));
  return { organizationId, userId: isOwn ? userId : null, teamId };
}

/** Whether it leaves out anything of the organization. */
export function isLimited({ userId, teamId }: Reach): boolean {
  return userId !== null || teamId !== null;
}

function hasAll(mask: ScopeMask, scopes: ScopeMask): boolean {
  return (mask & scopes) === scopes;
}
