import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import type { ApiKeySecretEntity } from '../../api-key-secret.entity.js';
import { keyStatus } from '../../api-key.view.js';
import { firstLook } from '../claims/domain/claim-watch.js';
import { ReplaceSecretService } from '../replace-secret.service.js';
import { factsOfSecrets } from '../secret-facts.js';
import { AttendToRotationService } from './attend-to-rotation.service.js';
import { CronSchedule } from './domain/cron-schedule.js';
import type { KeyRotation, SkipReason } from './key-rotation.js';
import { RotationObstacles } from './rotation-obstacles.service.js';

@Injectable()
export class RotateOnScheduleService {
  constructor(
    private readonly rotations: AttendToRotationService,
    private readonly obstacles: RotationObstacles,
    private readonly replaceSecret: ReplaceSecretService,
    private readonly notifier: Notifier,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /** Rotates a key whose time has come: once, however many times went by. */
  rotate(keyId: string): Promise<void> {
    return this.rotations.attend(keyId, async (key, rotation) => {
      const { enabled, schedule, nextAt } = rotation;
      const isDue = nextAt !== null && nextAt.getTime() <= this.clock.now();
      if (!enabled || schedule === null || !isDue) return rotation;
      return this.#rotate(key, { ...rotation, schedule, nextAt });
    });
  }

  async #rotate(
    key: ApiKeyEntity,
    rotation: KeyRotation & { readonly schedule: string; readonly nextAt: Date },
  ): Promise<KeyRotation> {
    const now = this.clock.now();
    const status = keyStatus(key, now);
    if (status === 'revoked' || status === 'expired') {
      await this.#recordEnd(rotation, status);
      return { ...rotation, enabled: false, nextAt: null };
    }
    const { schedule, timeZone } = rotation;
    const nextAt = new Date(CronSchedule.of(schedule, timeZone, now).nextAfter(now));
    const reason = await this.obstacles.find(key, rotation, now);
    if (reason !== null) {
      await this.#tellSkipped(key, rotation, reason);
      return { ...rotation, nextAt };
    }
    const oldExpiresAt = new Date(
      Math.min(now + rotation.gracePeriodMs, key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
    );
    const { row } = await this.replaceSecret.replace(key, { oldExpiresAt, waits: true });
    await this.#record(rotation, row, oldExpiresAt);
    await this.#tellRotated(key, rotation, oldExpiresAt);
    const watchAt = rotation.strategy === 'gradual' ? firstLook(row.createdAt, oldExpiresAt) : null;
    return { ...rotation, nextAt, lastAt: new Date(now), watchAt };
  }

  async #record(
    { organizationId, keyId, setBy, nextAt }: KeyRotation,
    row: ApiKeySecretEntity,
    oldExpiresAt: Date,
  ): Promise<void> {
    await this.trail.append({
      organizationId,
      action: 'key.rotated',
      target: { type: 'key', id: keyId },
      after: {
        ...factsOfSecrets([row], this.clock.now()),
        old_key_expires_at: oldExpiresAt,
      },
      details: { cause: setBy, scheduled_at: nextAt },
    });
  }

  async #recordEnd(
    { organizationId, keyId, setBy, nextAt }: KeyRotation,
    status: 'revoked' | 'expired',
  ): Promise<void> {
    await this.trail.append({
      organizationId,
      action: 'key.rotation_ended',
      target: { type: 'key', id: keyId },
      before: { enabled: true, next_rotation_at: nextAt },
      after: { enabled: false, next_rotation_at: null },
      details: { cause: keyId, key_status: status, set_by: setBy },
    });
  }

  async #tellSkipped(
    { teamId }: ApiKeyEntity,
    { organizationId, keyId, nextAt }: KeyRotation & { readonly nextAt: Date },
    reason: SkipReason,
  ): Promise<void> {
    const scheduledAt = nextAt.toISOString();
    await this.notifier.notify({
      organizationId,
      type: 'key.rotation_skipped',
      keyId,
      teamId,
      data: { key_id: keyId, reason, scheduled_at: scheduledAt },
      deduplicationId: `rotation_skipped:${keyId}:${scheduledAt}`,
    });
  }

  async #tellRotated(
    { teamId }: ApiKeyEntity,
    { organizationId, keyId, strategy, nextAt }: KeyRotation & { readonly nextAt: Date },
    oldExpiresAt: Date,
  ): Promise<void> {
    const data = {
      key_id: keyId,
      reason: 'scheduled',
      scheduled_at: nextAt.toISOString(),
      old_key_expires_at: oldExpiresAt.toISOString(),
      // There is no hurry where the old one has ended already.
      claim_before: strategy === 'gradual' ? oldExpiresAt.toISOString() : null,
    };
    await this.notifier.notify({ organizationId, type: 'key.rotated', keyId, teamId, data });
  }
}
