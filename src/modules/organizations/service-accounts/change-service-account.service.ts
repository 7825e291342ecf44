import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { assertMatches } from '#common/validation/if-match.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import { StructureLock } from '../structure-lock.js';
import type { Standing } from '../teams/teams.port.js';
import type { UpdateServiceAccountDto } from './dto/service-account.dto.js';
import { serviceAccountOr404 } from './read-service-accounts.service.js';
import {
  type ServiceAccountChanges,
  ServiceAccountRepository,
  type ServiceAccountRow,
} from './service-account.repository.js';
import { viewServiceAccount } from './service-account.view.js';
import { ServiceAccountRoles } from './service-account-roles.service.js';
import { refuseTakenName } from './taken-name.js';

/**
 * What becomes of service accounts. As with people, whoever changes one must hold its role: else a key of an account could be
 * brought back, or its account given more, by who may less.
 */
@Injectable()
export class ChangeServiceAccountService {
  constructor(
    private readonly accounts: ServiceAccountRepository,
    private readonly roles: ServiceAccountRoles,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /**
   * Changes the fields that are given and leaves the others. A role holds for its keys everywhere within a second.
   * @param ifMatch the versions that the change is meant for (`If-Match`); `null` for any
   * @throws {AppError} `not_found`, for a role naming the field; `precondition_failed`; `escalation_denied` where the old or the
   * new role is beyond the caller; `conflict` for a name that is taken
   */
  async change(
    caller: Principal,
    id: string,
    dto: UpdateServiceAccountDto,
    ifMatch: string | null,
  ): Promise<ServiceAccountRow> {
    const name = isGiven(dto.name) ? dto.name : undefined;
    const role = isGiven(dto.role) ? dto.role : undefined;
    return this.#change(caller, id, 'service_account.updated', async ({ version }) => {
      if (ifMatch !== null) assertMatches(ifMatch, 'service account', version);
      if (role !== undefined) await this.roles.assertMayGiveOrTake(caller, role);
      return { name, role, description: dto.description };
    });
  }

  /**
   * Doing it again changes nothing.
   * @param status `suspended`: its keys are refused everywhere within a second, until it is `active` again
   * @throws {AppError} `not_found`; `escalation_denied`
   */
  setStatus(caller: Principal, id: string, status: Standing): Promise<ServiceAccountRow> {
    const action = status === 'suspended' ? 'service_account.suspended' : 'service_account.resumed';
    return this.#change(caller, id, action, (account) =>
      account.status === status ? null : { status },
    );
  }

  /**
   * From then on its keys are refused as revoked ones.
   * @throws {AppError} `not_found`; `escalation_denied`
   */
  async delete(caller: Principal, id: string): Promise<void> {
    await this.lock.run(caller.organizationId, async () => {
      const account = await this.#find(caller, id);
      await this.accounts.delete(caller.organizationId, id);
      await this.trail.append({
        ...about('service_account.deleted', account),
        before: { ...viewServiceAccount(account) },
      });
      this.#tellKeys(caller.organizationId, id);
    });
  }

  /** @param changesOf is called under the organization's lock; `null` where there is nothing to change */
  async #change(
    caller: Principal,
    id: string,
    action: AuditAction,
    changesOf: (
      account: ServiceAccountRow,
    ) => Promise<ServiceAccountChanges> | ServiceAccountChanges | null,
  ): Promise<ServiceAccountRow> {
    const { organizationId } = caller;
    return this.lock.run(organizationId, async () => {
      const before = await this.#find(caller, id);
      const changes = await changesOf(before);
      if (changes === null) return before;
      const now = new Date(this.clock.now());
      const changed = await refuseTakenName(changes.name ?? '', () =>
        this.accounts.update(organizationId, id, changes, now),
      );
      const account = serviceAccountOr404(changed, id);
      const [was, is] = [{ ...viewServiceAccount(before) }, { ...viewServiceAccount(account) }];
      await this.trail.appendChange(about(action, account), was, is);
      this.#tellKeys(organizationId, id);
      return account;
    });
  }

  async #find(caller: Principal, id: string): Promise<ServiceAccountRow> {
    const account = serviceAccountOr404(await this.accounts.find(caller.organizationId, id), id);
    await this.roles.assertMayGiveOrTake(caller, account.role);
    return account;
  }

  #tellKeys(organizationId: string, serviceAccountId: string): void {
    const about = { organizationId, teamId: null, userId: null, serviceAccountId };
    this.events.emit('organizations.standing-changed', about);
  }
}

function about(action: AuditAction, { organizationId, id }: ServiceAccountRow) {
  return { organizationId, action, target: { type: 'service_account', id } };
}
