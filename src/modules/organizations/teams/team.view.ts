import type { TeamMemberResponse, TeamResponse } from './dto/team.responses.js';
import type { TeamMemberRow } from './team-member.repository.js';
import type { TeamRow } from './team.repository.js';

export function viewTeam(row: TeamRow): TeamResponse {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    status: row.status,
    created_at: row.createdAt.toISOString(),
  };
}

export function viewTeamMember(row: TeamMemberRow): TeamMemberResponse {
  return {
    user_id: row.userId,
    email: row.email,
    name: row.name,
    role: row.role,
    can_manage_keys: row.canManageKeys,
    created_at: row.createdAt.toISOString(),
  };
}
