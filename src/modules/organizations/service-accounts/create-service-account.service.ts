import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { StructureLock } from '../structure-lock.js';
import { MAX_SERVICE_ACCOUNTS, refuseOneTooMany } from '../structure.limits.js';
import { TeamRepository } from '../teams/team.repository.js';
import type { CreateServiceAccountDto } from './dto/service-account.dto.js';
import { ServiceAccountRepository, type ServiceAccountRow } from './service-account.repository.js';
import { ServiceAccountRoles } from './service-account-roles.service.js';
import { viewServiceAccount } from './service-account.view.js';
import { refuseTakenName } from './taken-name.js';

@Injectable()
export class CreateServiceAccountService {
  constructor(
    private readonly accounts: ServiceAccountRepository,
    private readonly teams: TeamRepository,
    private readonly roles: ServiceAccountRoles,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /**
   * @throws {AppError} `not_found` naming the role or the team; `escalation_denied` for a role beyond the caller; `conflict` for
   * a name that is taken, and for one too many
   */
  async create(caller: Principal, dto: CreateServiceAccountDto): Promise<ServiceAccountRow> {
    const { organizationId } = caller;
    const now = new Date(this.clock.now());
    const account: ServiceAccountRow = {
      id: newId('serviceAccount'),
      organizationId,
      teamId: dto.team_id ?? null,
      name: dto.name,
      description: dto.description ?? null,
      role: dto.role,
      status: 'active',
      createdBy: caller.keyId,
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
    await this.lock.run(organizationId, async () => {
      await this.roles.assertMayGiveOrTake(caller, account.role);
      await this.#checkTeam(account);
      const count = await this.accounts.count(organizationId);
      refuseOneTooMany(count, MAX_SERVICE_ACCOUNTS, 'service accounts');
      await refuseTakenName(account.name, () => this.accounts.insert(account));
      await this.trail.append({
        organizationId,
        action: 'service_account.created',
        target: { type: 'service_account', id: account.id },
        after: { ...viewServiceAccount(account) },
      });
    });
    return account;
  }

  async #checkTeam({ organizationId, teamId }: ServiceAccountRow): Promise<void> {
    if (teamId === null || (await this.teams.find(organizationId, teamId))) return;
    throw new AppError('not_found', { message: `There is no team ${teamId}.`, param: 'team_id' });
  }
}
