import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { parseUsd, usdNumber } from '#common/money/money.js';
import { isGiven } from '#common/validation/given.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import type { ApprovalPolicy } from './approval-policy.port.js';
import {
  type AuditRetentionPolicy,
  DEFAULT_AUDIT_RETENTION_DAYS,
} from './audit-retention-policy.port.js';
import type { UpdateOrganizationDto } from './dto/update-organization.dto.js';
import { HeldChanges, type SubjectChange } from './held-changes.js';
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

/** What became of a change. */
export type SettingsOutcome = {
  readonly organization: OrganizationEntity;
  /** Where somebody else has to approve it first: nothing of it is done yet. */
  readonly request: ApprovalResponse | null;
};

/** What an organization decides for itself. None but a master key sees or changes another's. */
@Injectable()
export class OrganizationSettingsService
  extends LeakedKeyPolicy
  implements UnclaimedSecretPolicy, ApprovalPolicy, SuspiciousKeyPolicy, AuditRetentionPolicy
{
  constructor(
    private readonly organizations: OrganizationRepository,
    private readonly lock: StructureLock,
    private readonly held: HeldChanges,
    private readonly trail: AuditTrail,
  ) {
    super();
    held.onDecision('organization', {
      reachedBy: () => Promise.resolve([]),
      lock: async (id) => {
        await this.organizations.lockForUpdate(id);
      },
      apply: ({ organizationId, change }) => this.#apply(organizationId, change),
    });
  }

  /**
   * @throws {AppError} `not_found`, also for an organization that is not the caller's own, unless that is a master key
   */
  async get(caller: Principal, id: string): Promise<OrganizationEntity> {
    const isInReach = id === caller.organizationId || caller.accessLevel === 'master';
    return organizationOr404(isInReach ? await this.organizations.find(id) : null, id);
  }

  /**
   * Changes what is given, all or, where somebody has to approve that fewer budgets wait, none yet.
   * @throws {AppError} as {@link get}; `conflict` where another such change waits; `approval_required` for a master key of
   * another organization
   */
  async update(
    caller: Principal,
    id: string,
    dto: UpdateOrganizationDto,
  ): Promise<SettingsOutcome> {
    await this.get(caller, id);
    const changes = settingsOf(dto);
    const request =
      Object.keys(changes).length === 0
        ? null
        : await this.lock.run(id, () => this.#change(caller, id, dto, changes));
    return { organization: await this.get(caller, id), request };
  }

  async #change(
    caller: Principal,
    id: string,
    dto: UpdateOrganizationDto,
    changes: OrganizationSettings,
  ): Promise<ApprovalResponse | null> {
    const current = organizationOr404(await this.organizations.lockForUpdate(id), id);
    if (!letsMoreThrough(current, changes)) {
      await this.#write(current, changes);
      return null;
    }
    if (caller.organizationId !== id) throw notOfOthers();
    return this.held.open(caller, {
      organizationId: id,
      subjectType: 'organization',
      subjectId: id,
      change: { action: 'update', body: { ...dto }, were: thresholdOf(current) },
      fields: ['approval_budget_threshold'],
    });
  }

  /** What somebody has approved, of an organization that is locked. */
  async #apply(id: string, { body = {}, were }: SubjectChange): Promise<void> {
    const current = organizationOr404(await this.organizations.lockForUpdate(id), id);
    if (!isDeepStrictEqual(thresholdOf(current), were)) throw changedMeanwhile();
    await this.#write(current, settingsOf(body));
  }

  async #write(before: OrganizationEntity, changes: OrganizationSettings): Promise<void> {
    const { id } = before;
    await this.organizations.update(id, changes);
    const after = await this.#find(id);
    await this.trail.appendChange(
      {
        organizationId: id,
        action: 'organization.updated',
        target: { type: 'organization', id },
      },
      { ...viewOrganization(before) },
      { ...viewOrganization(after) },
    );
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

  async budgetThresholdOf(organizationId: string): Promise<number | null> {
    return (await this.#find(organizationId)).approvalBudgetThresholdNanos;
  }

  async auditRetentionDaysOf(organizationId: string): Promise<number> {
    const organization = await this.organizations.find(organizationId);
    return organization?.auditRetentionDays ?? DEFAULT_AUDIT_RETENTION_DAYS;
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
  const { audit_retention_days, approval_budget_threshold: threshold } = dto;
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
    ...(isGiven(audit_retention_days) && { auditRetentionDays: audit_retention_days }),
    ...(isGiven(approval_expiry_hours) && { approvalExpiryHours: approval_expiry_hours }),
    ...(threshold !== undefined && {
      approvalBudgetThresholdNanos: threshold === null ? null : nanosOf(threshold),
    }),
  };
}

function nanosOf(amount: string | number): number {
  const nanos = parseUsd(amount);
  if (nanos === null) throw new AppError('invalid_request', { param: 'approval_budget_threshold' });
  return Number(nanos);
}

/** Whether budgets may be lifted then that have to wait now. */
function letsMoreThrough(
  { approvalBudgetThresholdNanos: before }: OrganizationEntity,
  { approvalBudgetThresholdNanos: after }: OrganizationSettings,
): boolean {
  return before !== null && after !== undefined && (after === null || after > before);
}

function thresholdOf({ approvalBudgetThresholdNanos: nanos }: OrganizationEntity): {
  readonly approval_budget_threshold: number | null;
} {
  return { approval_budget_threshold: nanos === null ? null : usdNumber(BigInt(nanos)) };
}

function notOfOthers(): AppError {
  return new AppError('approval_required', {
    message:
      'That fewer budgets wait for approval is for somebody of the organization to ask, and for another of it to approve.',
    param: 'approval_budget_threshold',
  });
}

function changedMeanwhile(): AppError {
  return new AppError('conflict', {
    message:
      'approval_budget_threshold was changed meanwhile: reject this, and ask again for what is wanted now.',
  });
}
