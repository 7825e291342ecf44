import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId, randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';

import { InvitationRepository, type InvitationRow } from '../members/invitation.repository.js';
import { MemberRepository } from '../members/member.repository.js';
import { CallerRights } from '../roles/caller-rights.service.js';
import { assertMayGiveOrTake, type Rights } from '../roles/domain/rights.js';
import { roleOr404 } from '../roles/read-roles.service.js';
import { RoleRepository } from '../roles/role.repository.js';
import { StructureLock } from '../structure-lock.js';
import { MAX_OPEN_INVITATIONS, refuseOneTooMany } from '../structure.limits.js';
import type { CreateInvitationDto } from './dto/invitation.dto.js';

const LIFETIME_MS = 7 * 24 * 3_600_000;
/** 256 bits and more: it is stored as a plain SHA-256. */
const TOKEN_LENGTH = 43;

@Injectable()
export class ChangeInvitationService {
  constructor(
    private readonly invitations: InvitationRepository,
    private readonly members: MemberRepository,
    private readonly roles: RoleRepository,
    private readonly rights: CallerRights,
    private readonly lock: StructureLock,
    private readonly clock: Clock,
  ) {}

  /**
   * Invites somebody. An earlier invitation to the same address is worth nothing any more.
   * @returns it and what it is accepted with, to be shown this once
   * @throws {AppError} `not_found` naming the role; `escalation_denied`; `conflict` for a member, and for one too many
   */
  async create(
    caller: Principal,
    dto: CreateInvitationDto,
  ): Promise<{ invitation: InvitationRow; token: Secret }> {
    const { organizationId } = caller;
    const now = this.clock.now();
    const token = new Secret(`lki_${randomBase62(TOKEN_LENGTH)}`);
    const invitation: InvitationRow = {
      id: newId('invitation'),
      organizationId,
      email: dto.email.toLowerCase(),
      role: dto.role,
      invitedBy: caller.keyId,
      createdAt: new Date(now),
      expiresAt: new Date(now + LIFETIME_MS),
    };
    await this.lock.run(organizationId, async () => {
      const rights = await this.rights.of(caller);
      await this.#checkRole(rights, invitation);
      await this.#makeRoom(rights, invitation);
      await this.invitations.insert(invitation, token);
    });
    return { invitation, token };
  }

  /** @throws {AppError} `not_found`; `escalation_denied` for one to a role beyond the caller */
  async delete(caller: Principal, id: string): Promise<void> {
    const { organizationId } = caller;
    await this.lock.run(organizationId, async () => {
      const taken = await this.invitations.delete(organizationId, id);
      if (!taken) throw new AppError('not_found', { message: `There is no invitation ${id}.` });
      await this.#checkRole(await this.rights.of(caller), taken);
    });
  }

  /** Puts nothing beside what is there of the same address. */
  async #makeRoom(rights: Rights, { organizationId, email }: InvitationRow): Promise<void> {
    if (await this.members.hasAddress(organizationId, email)) {
      throw new AppError('conflict', {
        message: 'Whoever has this address is a member already.',
        param: 'email',
      });
    }
    const replaced = await this.invitations.deleteTo(organizationId, email);
    if (replaced) await this.#checkRole(rights, replaced);
    const open = await this.invitations.count(organizationId);
    refuseOneTooMany(open, MAX_OPEN_INVITATIONS, 'open invitations');
  }

  async #checkRole(rights: Rights, { organizationId, role }: InvitationRow): Promise<void> {
    const resolved = roleOr404(await this.roles.resolve(organizationId, role), role, 'role');
    assertMayGiveOrTake(rights, resolved, 'role');
  }
}
