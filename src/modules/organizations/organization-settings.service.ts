import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import type { ApprovalPolicy } from './approval-policy.port.js';
import type { UpdateOrganizationDto } from './dto/update-organization.dto.js';
import { type LeakedKeyAction, LeakedKeyPolicy } from './leaked-key-policy.port.js';
import type { OrganizationEntity } from './organization.entity.js';
import { OrganizationRepository, type OrganizationSettings } from './organization.repository.js';
import { viewOrganization } from './organization.view.js';
import { StructureLock } from './structure-lock.js';
import type { SuspiciousKeyAction, SuspiciousKeyPolicy } from './suspicious-key-policy.port.js';
import type {
  UnclaimedSecretAction,
  UnclaimedSecretPolicy,
} from './unclaimed-secret-policy.port.js';

/** What an organization decides for itself. None but a master key sees or changes another's. */
@Injectable()
export class OrganizationSettingsService
  extends LeakedKeyPolicy
  implements UnclaimedSecretPolicy, ApprovalPolicy, SuspiciousKeyPolicy
{
  constructor(
    private readonly organizations: OrganizationRepository,
    private readonly lock: StructureLock,
    private readonly trail: AuditTrail,
  ) {
    super();
  }

  /**
   * @throws {AppError} `not_found`, also for an organization that is not the caller's own, unless that is a master key
   */
  async get(caller: Principal, id: string): Promise<OrganizationEntity> {
    const isInReach = id === caller.organizationId || caller.accessLevel === 'master';
    return organizationOr404(isInReach ? await this.organizations.find(id) : null, id);
  }

  /** @throws {AppError} as {@link get} */
  async update(
    caller: Principal,
    id: string,
    dto: UpdateOrganizationDto,
  ): Promise<OrganizationEntity> {
    const changes = settingsOf(dto);
    return this.lock.run(id, async () => {
      const before = await this.get(caller, id);
      if (Object.keys(changes).length === 0) return before;
      await this.organizations.update(id, changes);
      const after = await this.get(caller, id);
      await this.trail.appendChange(
        {
          organizationId: id,
          action: 'organization.updated',
          target: { type: 'organization', id },
        },
        { ...viewOrganization(before) },
        { ...viewOrganization(after) },
      );
      return after;
    });
  }

  override async actionOf(organizationId: string): Promise<LeakedKeyAction> {
    return (await this.#find(organizationId)).leakedKeyAction;
  }

  async unclaimedSecretsOf(organizationId: string): Promise<UnclaimedSecretAction> {
    return (await this.#find(organizationId)).unclaimedSecrets;
  }

  async suspiciousKeysOf(organizationId: string): Promise<SuspiciousKeyAction> {
    return (await this.#find(organizationId)).suspiciousKeyAction;
  }

  async approvalHoursOf(organizationId: string): Promise<number> {
    return (await this.#find(organizationId)).approvalExpiryHours;
  }

  async #find(id: string): Promise<OrganizationEntity> {
    return organizationOr404(await this.organizations.find(id), id);
  }
}

export function organizationOr404(
  organization: OrganizationEntity | null,
  id: string,
): OrganizationEntity {
  if (organization) return organization;
  throw new AppError('not_found', { message: `There is no organization ${id}.` });
}

function settingsOf(dto: UpdateOrganizationDto): OrganizationSettings {
  const { leaked_keys, unclaimed_secrets, expiry_reminder_days } = dto;
  const { unused_key_days, unused_key_action, suspicious_keys, approval_expiry_hours } = dto;
  return {
    ...(isGiven(leaked_keys) && { leakedKeyAction: leaked_keys }),
    ...(isGiven(unclaimed_secrets) && { unclaimedSecrets: unclaimed_secrets }),
    ...(isGiven(expiry_reminder_days) && {
      expiryReminderDays: [...expiry_reminder_days].sort((one, other) => other - one),
    }),
    // `null` means something: no longer.
    ...(unused_key_days !== undefined && { unusedKeyDays: unused_key_days }),
    ...(isGiven(unused_key_action) && { unusedKeyAction: unused_key_action }),
    ...(isGiven(suspicious_keys) && { suspiciousKeyAction: suspicious_keys }),
    ...(isGiven(approval_expiry_hours) && { approvalExpiryHours: approval_expiry_hours }),
  };
}
