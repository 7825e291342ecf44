import type { MemberResponse } from './dto/member.responses.js';
import type { MemberProfile } from './member.repository.js';

export function viewMember(profile: MemberProfile): MemberResponse {
  return {
    id: profile.userId,
    email: profile.email,
    name: profile.name,
    role: profile.role,
    status: profile.status,
    teams: profile.teams.map((team) => ({ ...team })),
    created_at: profile.createdAt.toISOString(),
  };
}
