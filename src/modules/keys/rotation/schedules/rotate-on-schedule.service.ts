import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';

import type { ApiKeyEntity } from '../../api-key.entity.js';
import { ApiKeyRepository } from '../../api-key.repository.js';
import { keyStatus } from '../../api-key.view.js';
import { firstLook } from '../claims/domain/claim-watch.js';
import { KeySecretRepository } from '../key-secret.repository.js';
import { MAX_GOOD_SECRETS, ReplaceSecretService } from '../replace-secret.service.js';
import { AttendToRotationService } from './attend-to-rotation.service.js';
import { CronSchedule } from './domain/cron-schedule.js';
import type { KeyRotation } from './key-rotation.js';

/** Why a time of the schedule goes by without a rotation. */
type SkipReason = 'key_disabled' | 'secret_unclaimed' | 'too_many_secrets';

@Injectable()
export class RotateOnScheduleService {
  constructor(
    private readonly rotations: AttendToRotationService,
    private readonly keys: ApiKeyRepository,
    private readonly secrets: KeySecretRepository,
    private readonly replaceSecret: ReplaceSecretService,
    private readonly notifier: Notifier,
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
      return { ...rotation, enabled: false, nextAt: null };
    }
    const { schedule, timeZone } = rotation;
    const nextAt = new Date(CronSchedule.of(schedule, timeZone, now).nextAfter(now));
    // Who can’t use the key now can’t claim its next secret, and would come back to find the old one ended.
    const isDisabled = status === 'disabled' || (await this.keys.standingOf(key)) !== null;
    const reason = isDisabled ? 'key_disabled' : await this.#obstacle(key, rotation, new Date(now));
    if (reason !== null) {
      await this.#tellSkipped(key, rotation, reason);
      return { ...rotation, nextAt };
    }
    const oldExpiresAt = new Date(
      Math.min(now + rotation.gracePeriodMs, key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY),
    );
    const { row } = await this.replaceSecret.replace(key, { oldExpiresAt, waits: true });
    await this.#tellRotated(key, rotation, oldExpiresAt);
    const watchAt = rotation.strategy === 'gradual' ? firstLook(row.createdAt, oldExpiresAt) : null;
    return { ...rotation, nextAt, lastAt: new Date(now), watchAt };
  }

  async #obstacle(
    { organizationId, id }: ApiKeyEntity,
    { strategy }: KeyRotation,
    now: Date,
  ): Promise<SkipReason | null> {
    const good = await this.secrets.listGood(organizationId, id, now);
    if (good.some(({ sealed }) => sealed !== null)) return 'secret_unclaimed';
    return strategy === 'gradual' && good.length >= MAX_GOOD_SECRETS ? 'too_many_secrets' : null;
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
