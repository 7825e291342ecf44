import { type BuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';

import type { RoleResponse } from './dto/role.responses.js';
import type { RoleRow } from './role.repository.js';

export function viewRole(row: RoleRow): RoleResponse {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    scopes: row.scopes,
    built_in: false,
    created_at: row.createdAt.toISOString(),
  };
}

export function viewBuiltInRole(role: BuiltInRole): RoleResponse {
  return {
    id: role,
    name: role,
    description: null,
    scopes: [...SCOPES_OF_ROLE[role]],
    built_in: true,
    created_at: null,
  };
}
