import { type Scope, SCOPES } from './scopes.js';

/** Who somebody is in an organization without anybody having defined a role. An organization's own roles have ids. */
export const BUILT_IN_ROLES = [
  'owner',
  'admin',
  'developer',
  'billing',
  'auditor',
  'viewer',
] as const;
export type BuiltInRole = (typeof BUILT_IN_ROLES)[number];

const READ_SCOPES = SCOPES.filter((scope) => scope.endsWith(':read'));
const NOT_FOR_VIEWERS: readonly Scope[] = ['audit:read', 'billing:read'];

/**
 * Roles are sets of scopes. An admin differs from an owner in that they can't touch owners; a developer's scopes over keys
 * reach their own and their teams' only.
 */
export const SCOPES_OF_ROLE: Readonly<Record<BuiltInRole, readonly Scope[]>> = {
  owner: SCOPES,
  admin: SCOPES,
  developer: [
    'inference',
    'keys:read',
    'keys:write',
    'usage:read',
    'models:read',
    'deployments:read',
  ],
  billing: ['billing:read', 'billing:write', 'usage:read'],
  auditor: [...READ_SCOPES, 'audit:export'],
  viewer: READ_SCOPES.filter((scope) => !NOT_FOR_VIEWERS.includes(scope)),
};

export function isBuiltInRole(role: string): role is BuiltInRole {
  return (BUILT_IN_ROLES as readonly string[]).includes(role);
}
