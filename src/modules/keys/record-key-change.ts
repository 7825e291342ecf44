import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { isRevoked } from './changeable-key.js';
import type { KeyMember } from './domain/belonging.js';
import { TellOfKeys } from './tell-of-keys.js';

/** What its columns do not tell of a change, for the audit log. */
export type KeyChangeNotes = {
  /** Unless it is what the columns say. */
  readonly action?: AuditAction;
  readonly details?: AuditFacts;
  /** What is different beside the columns. */
  readonly before?: AuditFacts;
  readonly after?: AuditFacts;
};

/** What became of a key, for the audit log and for whoever wants to know. Each in the transaction that makes it so. */
@Injectable()
export class RecordKeyChange {
  constructor(
    private readonly trail: AuditTrail,
    private readonly news: TellOfKeys,
    private readonly clock: Clock,
  ) {}

  async created(key: ApiKeyEntity, members: readonly KeyMember[]): Promise<void> {
    await this.trail.append({
      organizationId: key.organizationId,
      action: 'key.created',
      target: { type: 'key', id: key.id },
      after: { ...factsOf(key), members: members.map(factsOfMember) },
    });
    await this.news.created(key);
  }

  /** @param by the key that the change is made with; `null` for what the system does by itself */
  async changed(
    before: ApiKeyEntity,
    after: ApiKeyEntity,
    by: string | null,
    notes: KeyChangeNotes = {},
  ): Promise<void> {
    const now = this.clock.now();
    await this.trail.append({
      organizationId: after.organizationId,
      action: notes.action ?? actionOf(before, after, now),
      target: { type: 'key', id: after.id },
      ...changed({ ...factsOf(before), ...notes.before }, { ...factsOf(after), ...notes.after }),
      reason: reasonOf(before, after),
      ...(notes.details && { details: notes.details }),
    });
    await this.#tell(before, after, by);
  }

  async #tell(before: ApiKeyEntity, after: ApiKeyEntity, by: string | null): Promise<void> {
    const now = this.clock.now();
    // Of a revocation to come the clock tells when it has come.
    if (isRevoked(after, now) && !isRevoked(before, now)) await this.news.revoked(after, by);
    if (isDisabled(after, now) && !isDisabled(before, now)) await this.news.disabled(after, by);
    if (before.disabledAt && !after.disabledAt) {
      const cameBack = !isDisabled(before, now);
      const enableAt = cameBack ? before.enableAt : null;
      await this.news.enabled(after, { by: cameBack ? null : by, enableAt });
    }
  }
}

function isDisabled({ disabledAt, enableAt }: ApiKeyEntity, now: number): boolean {
  return disabledAt !== null && (enableAt === null || enableAt.getTime() > now);
}

function actionOf(before: ApiKeyEntity, after: ApiKeyEntity, now: number): AuditAction {
  if (isRevokedAnew(before, after)) {
    return isRevoked(after, now) ? 'key.revoked' : 'key.revocation_planned';
  }
  if (timeOf(before.disabledAt) === timeOf(after.disabledAt)) return 'key.updated';
  return after.disabledAt ? 'key.disabled' : 'key.enabled';
}

function reasonOf(before: ApiKeyEntity, after: ApiKeyEntity): string | null {
  if (isRevokedAnew(before, after)) return after.revokedReason;
  const isDisabledAnew = timeOf(before.disabledAt) !== timeOf(after.disabledAt);
  return after.disabledAt && isDisabledAnew ? after.disabledReason : null;
}

/** Not where a revocation that was planned is called off. */
function isRevokedAnew(before: ApiKeyEntity, after: ApiKeyEntity): boolean {
  return after.revokedAt !== null && timeOf(before.revokedAt) !== timeOf(after.revokedAt);
}

/** As the API shows it. Of what it signs with only whether there is something. */
function factsOf(key: ApiKeyEntity): AuditFacts {
  return {
    name: key.name,
    environment: key.environment,
    type: key.type,
    team_id: key.teamId,
    projects: key.projectIds,
    owner_id: key.ownerId,
    service_account_id: key.serviceAccountId,
    access_level: key.accessLevel,
    scopes: key.scopes,
    policy: key.policy,
    metadata: key.metadata,
    expires_at: timeOf(key.expiresAt),
    disabled_at: timeOf(key.disabledAt),
    auto_enable_at: timeOf(key.enableAt),
    revoked_at: timeOf(key.revokedAt),
    awaits_approval: key.awaitsApproval,
    is_signed: key.sealedSigningSecret !== null,
    version: key.version,
  };
}

export function factsOfMember({ userId, role, canManageKey }: KeyMember): AuditFacts {
  return { user_id: userId, role, can_manage_key: canManageKey };
}

function timeOf(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
