import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';
import { UnclaimedSecretPolicy } from '#modules/organizations/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { keyStatus } from '../../api-key.view.js';
import { KeySecretRepository } from '../key-secret.repository.js';
import { AttendToRotationService } from '../schedules/attend-to-rotation.service.js';
import type { KeyRotation } from '../schedules/key-rotation.js';
import { EXTENSION_MS, nextLook, NOTICE_MS, stepAt } from './domain/claim-watch.js';
import { type Overlap, overlapOf } from './domain/overlap.js';

/** What is told of a secret that nobody has claimed. */
type Unclaimed = 'waiting' | 'extended' | 'lapsing' | 'lapsed';

/** Looks ahead for people: tells of a rotation that is due, and sees to a secret that nobody claims before the old one ends. */
@Injectable()
export class RemindOfRotationService {
  constructor(
    private readonly rotations: AttendToRotationService,
    private readonly secrets: KeySecretRepository,
    private readonly organizations: UnclaimedSecretPolicy,
    private readonly notifier: Notifier,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /** Does what is due by now. */
  remind(keyId: string): Promise<void> {
    return this.rotations.attend(keyId, async (key, rotation) => ({
      ...rotation,
      toldAt: await this.#announce(key, rotation),
      watchAt: await this.#watch(key, rotation),
    }));
  }

  /** @returns the time of the rotation that is announced by now */
  async #announce(key: ApiKeyEntity, rotation: KeyRotation): Promise<Date | null> {
    const { enabled, nextAt, toldAt, organizationId, keyId, strategy } = rotation;
    const now = this.clock.now();
    if (!enabled || !nextAt || nextAt.getTime() - NOTICE_MS > now) return toldAt;
    const status = keyStatus(key, now);
    const isTold = toldAt?.getTime() === nextAt.getTime();
    if (isTold || nextAt.getTime() <= now || status === 'revoked' || status === 'expired') {
      return nextAt;
    }
    const rotatesAt = nextAt.toISOString();
    await this.notifier.notify({
      organizationId,
      type: 'key.rotation_due',
      keyId,
      teamId: key.teamId,
      data: { key_id: keyId, rotates_at: rotatesAt, strategy },
      deduplicationId: `rotation_due:${keyId}:${rotatesAt}`,
    });
    return nextAt;
  }

  /** @returns when to look again; `null` when there is nothing more to see to */
  async #watch(key: ApiKeyEntity, { watchAt }: KeyRotation): Promise<Date | null> {
    const now = this.clock.now();
    const status = keyStatus(key, now);
    if (watchAt === null || status === 'revoked' || status === 'expired') return null;
    const overlap = overlapOf(
      await this.secrets.listGood(key.organizationId, key.id, new Date(now)),
    );
    if (!overlap) return null;
    const { waiting, oldEndsAt } = overlap;
    if (oldEndsAt === 'never') return null;
    if (oldEndsAt === 'ended') {
      await this.#tell(key, overlap, 'lapsed');
      return null;
    }
    // Too early, unless the end was set to an earlier time meanwhile.
    if (watchAt.getTime() > now && watchAt <= oldEndsAt) return watchAt;
    const step = stepAt(now, waiting.createdAt, oldEndsAt);
    if (step === 'decide') return this.#decide(key, overlap, oldEndsAt);
    if (step !== null) await this.#tell(key, overlap, 'waiting', step);
    return nextLook(now, waiting.createdAt, oldEndsAt);
  }

  async #decide(key: ApiKeyEntity, overlap: Overlap, endsAt: Date): Promise<Date | null> {
    const { organizationId, id: keyId, expiresAt } = key;
    const action = await this.organizations.unclaimedSecretsOf(organizationId);
    const extended = new Date(
      Math.min(endsAt.getTime() + EXTENSION_MS, expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
    );
    if (action === 'lapse' || extended <= endsAt) {
      await this.#tell(key, overlap, 'lapsing');
      return null;
    }
    await this.secrets.moveEnd({ organizationId, keyId }, endsAt, extended);
    await this.trail.append({
      organizationId,
      action: 'key.cut_off_moved',
      target: { type: 'key', id: keyId },
      before: { old_key_expires_at: endsAt },
      after: { old_key_expires_at: extended },
      details: { cause: overlap.waiting.id },
      reason: 'Nobody has claimed the new secret yet.',
    });
    await this.#tell(key, { ...overlap, oldEndsAt: extended }, 'extended');
    return nextLook(this.clock.now(), overlap.waiting.createdAt, extended);
  }

  /** @param step what it is told for, where it is told of one end several times */
  async #tell(
    { organizationId, teamId, id: keyId }: ApiKeyEntity,
    { waiting, oldEndsAt }: Overlap,
    state: Unclaimed,
    step = '',
  ): Promise<void> {
    const endsAt = oldEndsAt instanceof Date ? oldEndsAt.toISOString() : null;
    // Of the first half there is one, however often the end is moved on.
    const occasion = step === 'remind_at_half' ? step : `${state}:${step}:${endsAt}`;
    await this.notifier.notify({
      organizationId,
      type: 'key.secret_unclaimed',
      keyId,
      teamId,
      data: {
        key_id: keyId,
        secret_id: waiting.id,
        state,
        waiting_since: waiting.createdAt.toISOString(),
        old_key_expires_at: endsAt,
      },
      deduplicationId: `secret_unclaimed:${waiting.id}:${occasion}`,
    });
  }
}
