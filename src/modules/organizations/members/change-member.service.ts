import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';

import { CallerRights } from '../roles/caller-rights.service.js';
import { assertMayGiveOrTake, OWNER, type Rights } from '../roles/domain/rights.js';
import { roleOr404 } from '../roles/read-roles.service.js';
import { RoleRepository } from '../roles/role.repository.js';
import { StructureLock } from '../structure-lock.js';
import { SubjectRemovals } from '../subject-removals.js';
import type { Standing } from '../teams/teams.port.js';
import { type MemberProfile, MemberRepository } from './member.repository.js';
import type { Membership } from './memberships.port.js';
import { memberOr404 } from './read-members.service.js';
import { RecordMemberChange } from './record-member-change.js';

const RUNS_ORGANIZATION = scopeMask(['org:write']);

/** What becomes of people in an organization. Somebody always owns it. */
@Injectable()
export class ChangeMemberService {
  constructor(
    private readonly members: MemberRepository,
    private readonly roles: RoleRepository,
    private readonly rights: CallerRights,
    private readonly lock: StructureLock,
    private readonly removals: SubjectRemovals,
    private readonly record: RecordMemberChange,
  ) {}

  /**
   * @throws {AppError} `not_found`, for a role naming the field; `escalation_denied` where the old or the new role is
   * beyond the caller; `conflict` for the last owner
   */
  async setRole(caller: Principal, userId: string, role: string): Promise<MemberProfile> {
    const { organizationId } = caller;
    const changed = await this.#change(
      caller,
      userId,
      'member.role_changed',
      async (member, rights) => {
        const next = roleOr404(await this.roles.resolve(organizationId, role), role, 'role');
        assertMayGiveOrTake(rights, next, 'role');
        if (role !== OWNER) await this.#keepAnOwner(member);
        await this.members.setRole(organizationId, userId, role);
      },
    );
    return memberOr404(changed, userId);
  }

  /**
   * Whoever has a session may leave by themselves, whatever their role.
   * @throws {AppError} `insufficient_scope` where it is about somebody else, and the caller lacks `org:write`; as {@link setRole}
   */
  async remove(caller: Principal, userId: string): Promise<void> {
    const isLeaving = caller.role !== null && caller.userId === userId;
    if (!isLeaving) assertRunsOrganization(caller);
    await this.#change(caller, userId, 'member.removed', async (member) => {
      await this.#keepAnOwner(member);
      const { organizationId } = caller;
      await this.members.delete(organizationId, userId);
      await this.removals.removed({ organizationId, kind: 'user', id: userId });
    });
  }

  /**
   * In the caller's organization: in others they stay what they are.
   * @throws {AppError} as {@link setRole}
   */
  async setStatus(caller: Principal, userId: string, status: Standing): Promise<void> {
    const action = status === 'suspended' ? 'member.suspended' : 'member.resumed';
    await this.#change(caller, userId, action, async (member) => {
      if (status === 'suspended') await this.#keepAnOwner(member);
      await this.members.setStatus(caller.organizationId, userId, status);
    });
  }

  /** Answers what they are now. */
  async #change(
    caller: Principal,
    userId: string,
    action: AuditAction,
    change: (member: Membership, rights: Rights) => Promise<void>,
  ): Promise<MemberProfile | null> {
    const { organizationId } = caller;
    return this.lock.run(organizationId, async () => {
      const found = await this.members.find(organizationId, userId);
      const member = memberOr404(found, userId);
      const rights = await this.rights.of(caller);
      assertMayGiveOrTake(rights, member, 'role');
      const before = memberOr404(await this.members.findProfile(organizationId, userId), userId);
      await change(member, rights);
      const after = await this.members.findProfile(organizationId, userId);
      await this.record.changed(organizationId, action, before, after);
      return after;
    });
  }

  /** @throws {AppError} `conflict` where nobody else owns the organization who is not suspended */
  async #keepAnOwner({ organizationId, userId, role }: Membership): Promise<void> {
    if (role !== OWNER) return;
    const owners = await this.members.lockOwners(organizationId);
    if (owners.some((owner) => owner !== userId)) return;
    throw new AppError('conflict', {
      message: 'This is the last owner of the organization. Make somebody else an owner first.',
    });
  }
}

function assertRunsOrganization({ scopeMask: has }: Principal): void {
  if ((has & RUNS_ORGANIZATION) !== 0) return;
  throw new AppError('insufficient_scope', {
    message: 'Taking somebody else out of the organization needs the scope org:write.',
    headers: {
      // RFC 6750 §3.1
      'www-authenticate': 'Bearer realm="latchkey", error="insufficient_scope", scope="org:write"',
    },
    details: { scope: 'org:write' },
  });
}
