import type { ServiceAccountResponse } from './dto/service-account.responses.js';
import type { ServiceAccountRow } from './service-account.repository.js';

export function viewServiceAccount(row: ServiceAccountRow): ServiceAccountResponse {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    team_id: row.teamId,
    role: row.role,
    status: row.status,
    created_by: row.createdBy,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    version: row.version,
  };
}
