import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';

import { isBuiltInRole } from '#common/auth/roles.js';
import type { Principal } from '#common/auth/principal.js';
import { SCOPES } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { refuseDuplicate } from '#platform/database/refuse-duplicate.js';
import { EventBus } from '#platform/events/event-bus.js';

import { StructureLock } from '../structure-lock.js';
import { MAX_ROLES, refuseOneTooMany } from '../structure.limits.js';
import { CallerRights } from './caller-rights.service.js';
import { assertHolds } from './domain/rights.js';
import type { CreateRoleDto, UpdateRoleDto } from './dto/role.dto.js';
import { roleOr404 } from './read-roles.service.js';
import { RoleRepository, type RoleRow } from './role.repository.js';
import { viewRole } from './role.view.js';

/** An organization's own roles. */
@Injectable()
export class ChangeRoleService {
  constructor(
    private readonly roles: RoleRepository,
    private readonly rights: CallerRights,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `escalation_denied`; `conflict` for a name that is taken, and for one too many */
  async create(caller: Principal, dto: CreateRoleDto): Promise<RoleRow> {
    const { organizationId } = caller;
    const role: RoleRow = {
      id: newId('role'),
      organizationId,
      name: dto.name,
      description: dto.description ?? null,
      scopes: inOrder(dto.scopes),
      createdAt: new Date(this.clock.now()),
    };
    await this.lock.run(organizationId, async () => {
      assertHolds(await this.rights.of(caller), role.scopes, 'scopes');
      refuseOneTooMany(await this.roles.count(organizationId), MAX_ROLES, 'roles of its own');
      await refuseTakenName(role.name, () => this.roles.insert(role));
      await this.trail.append({ ...about('role.created', role), after: { ...viewRole(role) } });
    });
    return role;
  }

  /**
   * Changes the fields that are given and leaves the others, for all who have the role.
   * @throws {AppError} `not_found`; `escalation_denied` where the scopes that it had or gets are not the caller's;
   * `conflict` for a name that is taken
   */
  async change(caller: Principal, id: string, dto: UpdateRoleDto): Promise<RoleRow> {
    const { organizationId } = caller;
    const name = isGiven(dto.name) ? dto.name : undefined;
    const scopes = isGiven(dto.scopes) ? inOrder(dto.scopes) : undefined;
    return this.lock.run(organizationId, async () => {
      const before = roleOr404(await this.roles.find(organizationId, id), id);
      if (scopes) {
        assertHolds(await this.rights.of(caller), [...before.scopes, ...scopes], 'scopes');
      }
      const changes = { name, scopes, description: dto.description };
      const now = new Date(this.clock.now());
      const changed = await refuseTakenName(name ?? '', () =>
        this.roles.update(organizationId, id, changes, now),
      );
      if (scopes && !isDeepStrictEqual(scopes, before.scopes)) this.#tellEverybody(organizationId);
      const role = roleOr404(changed, id);
      const [was, is] = [{ ...viewRole(before) }, { ...viewRole(role) }];
      await this.trail.appendChange(about('role.updated', role), was, is);
      return role;
    });
  }

  /**
   * Every session and every key of the organization is read anew, once: who has the role may be thousands, and what they have
   * cached is not kept by role. What the role is called decides on nothing, so its name changes without that.
   */
  #tellEverybody(organizationId: string): void {
    const everybody = { organizationId, userId: null };
    this.events.emit('organizations.members-changed', everybody);
    // Keys of service accounts may do what their account's role lets them.
    const everyKey = { ...everybody, teamId: null, serviceAccountId: null };
    this.events.emit('organizations.standing-changed', everyKey);
  }

  /** @throws {AppError} `not_found`; `conflict` while somebody has it or is invited to it */
  async delete({ organizationId }: Principal, id: string): Promise<void> {
    await this.lock.run(organizationId, async () => {
      const role = roleOr404(await this.roles.find(organizationId, id), id);
      if (await this.roles.isInUse(organizationId, id)) {
        throw new AppError('conflict', {
          message:
            'Somebody or a service account has this role, or is invited to it. Give them another first.',
        });
      }
      await this.roles.delete(organizationId, id);
      await this.trail.append({ ...about('role.deleted', role), before: { ...viewRole(role) } });
    });
  }
}

function about(action: AuditAction, { organizationId, id }: RoleRow) {
  return { organizationId, action, target: { type: 'role', id } };
}

function inOrder(scopes: CreateRoleDto['scopes']): CreateRoleDto['scopes'] {
  return SCOPES.filter((scope) => scopes.includes(scope));
}

async function refuseTakenName<T>(name: string, write: () => Promise<T>): Promise<T> {
  const refusal = { message: `There is a role named ${name} already.`, param: 'name' };
  // Roles are named in answers and by people: two that look the same would be mistaken for each other.
  if (isBuiltInRole(name.toLowerCase())) throw new AppError('conflict', refusal);
  return refuseDuplicate('roles_name_key', refusal, write);
}
