import type { ProjectResponse } from './dto/project.responses.js';
import type { ProjectRow } from './project.repository.js';

export function viewProject(row: ProjectRow): ProjectResponse {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    team_id: row.teamId,
    created_at: row.createdAt.toISOString(),
  };
}
