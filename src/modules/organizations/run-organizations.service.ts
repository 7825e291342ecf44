import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { OrganizationResponse } from './dto/organization.response.js';
import { NewOrganizations } from './new-organizations.js';
import { organizationOr404 } from './organization-settings.service.js';
import type { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository } from './organization.repository.js';
import { viewOrganization } from './organization.view.js';
import { StructureLock } from './structure-lock.js';
import type { Standing } from './teams/teams.port.js';

/** What whoever runs the installation does with organizations: they hold a master key. */
@Injectable()
export class RunOrganizationsService {
  constructor(
    private readonly organizations: OrganizationRepository,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly newOrganizations: NewOrganizations,
  ) {}

  /** The caller's own; for a master key all of them. */
  async list(caller: Principal, { limit, cursor }: PageQuery): Promise<Page<OrganizationResponse>> {
    const after = decodeCursor(cursor);
    if (caller.accessLevel === 'master') {
      const rows = await this.organizations.pageAcrossTenants(after, limit);
      return toPage(rows, limit, viewOrganization);
    }
    const own = await this.organizations.find(caller.organizationId);
    return toPage(own && after === null ? [own] : [], limit, viewOrganization);
  }

  /** @throws {AppError} `escalation_denied` */
  async create(caller: Principal, name: string): Promise<OrganizationEntity> {
    assertMaster(caller);
    const id = newId('organization');
    return this.lock.run(id, async () => {
      await this.organizations.insertAcrossTenants(id, name, new Date(this.clock.now()));
      const organization = organizationOr404(await this.organizations.find(id), id);
      await this.trail.append({
        organizationId: id,
        action: 'organization.created',
        target: { type: 'organization', id },
        after: { ...viewOrganization(organization) },
      });
      await this.newOrganizations.made(id);
      return organization;
    });
  }

  /**
   * @throws {AppError} `not_found`, for who has no master key also for another organization; `escalation_denied` for their
   * own; `conflict` for the default one
   */
  async setStatus(caller: Principal, id: string, status: Standing): Promise<OrganizationEntity> {
    const isInReach = id === caller.organizationId || caller.accessLevel === 'master';
    if (!isInReach) organizationOr404(null, id);
    assertMaster(caller);
    return this.lock.run(id, async () => {
      const organization = organizationOr404(await this.organizations.find(id), id);
      if (organization.isDefault && status === 'suspended') {
        throw new AppError('conflict', {
          message: 'The default organization has the master key: it can’t be suspended.',
        });
      }
      await this.organizations.update(id, { status });
      const action = status === 'suspended' ? 'organization.suspended' : 'organization.resumed';
      await this.trail.appendChange(
        { organizationId: id, action, target: { type: 'organization', id } },
        { status: organization.status },
        { status },
      );
      const about = { organizationId: id, userId: null };
      this.events.emit('organizations.members-changed', about);
      const standing = { ...about, teamId: null, serviceAccountId: null };
      this.events.emit('organizations.standing-changed', standing);
      return { ...organization, status };
    });
  }
}

function assertMaster({ accessLevel }: Principal): void {
  if (accessLevel === 'master') return;
  throw new AppError('escalation_denied', {
    message: 'Only a master key makes, suspends and resumes organizations.',
  });
}
