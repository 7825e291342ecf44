import { Inject, Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import type { ChannelAddress } from '#modules/notifications/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyView } from '../../domain/key-view.js';
import { RotatableKeys } from '../rotatable-keys.js';
import { parseChannel } from './domain/channel-address.js';
import { CronSchedule } from './domain/cron-schedule.js';
import type { SetRotationDto } from './dto/set-rotation.dto.js';
import type { KeyRotation } from './key-rotation.js';
import { KeyRotationRepository } from './key-rotation.repository.js';
import { RecordRotationService } from './record-rotation.service.js';

const HOUR_MS = 3_600_000;
const DEFAULT_GRACE_HOURS = 24;

type Terms = Pick<
  KeyRotation,
  'enabled' | 'schedule' | 'timeZone' | 'strategy' | 'gracePeriodMs' | 'autoUpdateApps'
>;
const TERMS = [
  'enabled',
  'schedule',
  'timeZone',
  'strategy',
  'gracePeriodMs',
  'autoUpdateApps',
] as const satisfies readonly (keyof Terms)[];

export type SetRotation = {
  /** What webhooks that are new are signed with, to be shown this once. */
  readonly newWebhooks: readonly { readonly address: string; readonly secret: Secret }[];
  readonly warnings: readonly string[];
};

@Injectable()
export class SetRotationService {
  constructor(
    private readonly keys: RotatableKeys,
    private readonly rotations: KeyRotationRepository,
    private readonly written: RecordRotationService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Makes a key’s schedule, or replaces it. The same again changes nothing, but that it is the caller's from then on.
   * @throws {AppError} `invalid_request`, `not_found`, `escalation_denied`, `conflict` for a revoked key
   */
  async set(caller: KeyView, keyId: string, dto: SetRotationDto): Promise<SetRotation> {
    const now = this.clock.now();
    const terms = termsOf(dto);
    const nextAt = CronSchedule.of(dto.schedule, terms.timeZone, now).nextAfter(now);
    const channels = this.#channelsOf(dto);
    const newWebhooks = await this.transactions.run(async () => {
      const { organizationId } = await this.keys.lock(caller, keyId);
      const before = await this.rotations.find(organizationId, keyId);
      const setBy = caller.keyId;
      const isSame = before?.setBy === setBy && TERMS.every((term) => before[term] === terms[term]);
      const rotation = isSame
        ? before
        : {
            ...(before ?? { keyId, organizationId, lastAt: null, toldAt: null, watchAt: null }),
            ...terms,
            setBy,
            nextAt: terms.enabled ? new Date(nextAt) : null,
          };
      return this.written.set(before, { rotation, channels });
    });
    return { newWebhooks, warnings: warningsOf(dto) };
  }

  /**
   * The key is rotated by itself no more, and its channels hear of it no more. Its secrets stay as they are, and one that
   * waits can still be claimed.
   * @throws {AppError} `not_found`, `escalation_denied`, `conflict` for a revoked key
   */
  async end(caller: KeyView, keyId: string): Promise<void> {
    await this.transactions.run(async () => {
      const { organizationId } = await this.keys.lock(caller, keyId);
      const rotation = await this.rotations.find(organizationId, keyId);
      if (!rotation) return;
      const ended = {
        ...rotation,
        setBy: caller.keyId,
        enabled: false,
        schedule: null,
        nextAt: null,
      };
      await this.written.set(rotation, { rotation: ended, channels: [] });
    });
  }

  #channelsOf({ notification_channels: texts }: SetRotationDto): ChannelAddress[] {
    const { allowPrivateTargets } = this.config;
    return (texts ?? []).map((text, at) => parseChannel(text, at, allowPrivateTargets));
  }
}

function termsOf(dto: SetRotationDto): Terms {
  const strategy = dto.strategy ?? 'gradual';
  const graceHours = dto.grace_period_hours ?? DEFAULT_GRACE_HOURS;
  if (strategy === 'gradual' && graceHours === 0) {
    throw new AppError('invalid_request', {
      message:
        'grace_period_hours: 0 goes with strategy: immediate. Else give the hours for which both secrets are good, such as 24.',
      param: 'grace_period_hours',
    });
  }
  return {
    enabled: dto.enabled ?? true,
    schedule: dto.schedule,
    timeZone: dto.time_zone ?? 'UTC',
    strategy,
    gracePeriodMs: strategy === 'immediate' ? 0 : Math.ceil(graceHours * HOUR_MS),
    autoUpdateApps: dto.auto_update_apps ?? false,
  };
}

function warningsOf({
  strategy,
  grace_period_hours: grace,
  auto_update_apps: auto,
}: SetRotationDto): string[] {
  if (strategy !== 'immediate') return [];
  return [
    'strategy: immediate ends the old secret at the very time of the schedule, while the new one still waits to be claimed: calls are refused until then.',
    ...((grace ?? 0) > 0 ? ['grace_period_hours does nothing with strategy: immediate.'] : []),
    ...(auto === true
      ? [
          'auto_update_apps does nothing with strategy: immediate: the old secret, which would claim the new one, has ended.',
        ]
      : []),
  ];
}
