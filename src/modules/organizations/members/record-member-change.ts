import { Injectable } from '@nestjs/common';

import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import {
  type AuditEvent,
  type AuditFacts,
  AuditTrail,
} from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { TeamMemberRow } from '../teams/team-member.repository.js';
import { viewTeamMember } from '../teams/team.view.js';
import type { MemberProfile } from './member.repository.js';
import { viewMember } from './member.view.js';

/** What became of somebody, for the audit log and for whoever keeps what is known of them. In the transaction that makes it so. */
@Injectable()
export class RecordMemberChange {
  constructor(
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
  ) {}

  /** @param after `null`: they are no member any more */
  async changed(
    organizationId: string,
    action: AuditAction,
    before: MemberProfile,
    after: MemberProfile | null,
  ): Promise<void> {
    const { userId } = before;
    const event = about({ organizationId, action, type: 'member' }, before);
    if (after) await this.trail.appendChange(event, factsOf(before), factsOf(after));
    else await this.trail.append({ ...event, before: factsOf(before) });
    const isRoleAlone = action === 'member.role_changed';
    if (!isRoleAlone) this.#tellOfStanding(organizationId, userId);
    this.events.emit('organizations.members-changed', { organizationId, userId });
  }

  /** Of a team. `null`: they were not in it, or are not any more. */
  async changedInTeam(
    place: { readonly organizationId: string; readonly teamId: string },
    before: TeamMemberRow | null,
    after: TeamMemberRow | null,
  ): Promise<void> {
    const { organizationId, teamId } = place;
    const member = after ?? before;
    if (!member) return;
    const action = before && after ? 'changed' : after ? 'added' : 'removed';
    const kind = { organizationId, action: `team_member.${action}`, type: 'team_member' } as const;
    const event = { ...about(kind, member), details: { team_id: teamId } };
    if (before && after) {
      await this.trail.appendChange(event, factsInTeam(before), factsInTeam(after));
    } else {
      const [was, is] = [before && factsInTeam(before), after && factsInTeam(after)];
      await this.trail.append({ ...event, before: was, after: is });
    }
    this.events.emit('organizations.members-changed', { organizationId, userId: member.userId });
  }

  /** In every organization. It stands in the log of each that is named. */
  async setEverywhere(
    user: { readonly id: string; readonly email: string; readonly name: string },
    [before, after]: readonly ['active' | 'suspended', 'active' | 'suspended'],
    organizationIds: readonly string[],
  ): Promise<void> {
    const action = after === 'suspended' ? 'user.suspended' : 'user.resumed';
    const { id, email, name } = user;
    for (const organizationId of organizationIds) {
      await this.trail.appendChange(
        { organizationId, action, target: { type: 'user', id }, personal: { email, name } },
        { status: before },
        { status: after },
      );
      this.#tellOfStanding(organizationId, id);
    }
    this.events.emit('organizations.members-changed', { organizationId: null, userId: id });
  }

  #tellOfStanding(organizationId: string, userId: string): void {
    const about = { organizationId, teamId: null, userId, serviceAccountId: null };
    this.events.emit('organizations.standing-changed', about);
  }
}

type Kind = Pick<AuditEvent, 'organizationId' | 'action'> & { readonly type: string };

function about(
  { organizationId, action, type }: Kind,
  { userId, email, name }: Pick<MemberProfile, 'userId' | 'email' | 'name'>,
) {
  return { organizationId, action, target: { type, id: userId }, personal: { email, name } };
}

function factsOf(profile: MemberProfile): AuditFacts {
  const { role, status, teams } = viewMember(profile);
  return { role, status, teams };
}

function factsInTeam(member: TeamMemberRow): AuditFacts {
  const { role, can_manage_keys } = viewTeamMember(member);
  return { role, can_manage_keys };
}
