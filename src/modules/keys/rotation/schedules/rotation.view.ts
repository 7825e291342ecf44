import type { ChannelAddress } from '#modules/notifications/index.js';

import type { SecretsView } from '../secrets.view.js';
import { writeChannel } from './domain/channel-address.js';
import type { RotationResponse } from './dto/rotation.responses.js';
import type { KeyRotation } from './key-rotation.js';

const HOUR_MS = 3_600_000;

/** @param rotation `null` where the key never had a schedule */
export function viewRotation(
  keyId: string,
  rotation: KeyRotation | null,
  channels: readonly ChannelAddress[],
): Omit<RotationResponse, keyof SecretsView | 'blocked_by'> {
  return {
    id: keyId,
    ...viewTerms(rotation),
    notification_channels: channels.map(writeChannel),
    auto_update_apps: rotation?.autoUpdateApps ?? false,
    next_rotation_at: rotation?.nextAt?.toISOString() ?? null,
    last_rotation_at: rotation?.lastAt?.toISOString() ?? null,
    set_by: rotation?.schedule ? rotation.setBy : null,
  };
}

function viewTerms(
  rotation: KeyRotation | null,
): Pick<
  RotationResponse,
  'enabled' | 'schedule' | 'time_zone' | 'strategy' | 'grace_period_hours'
> {
  const schedule = rotation?.schedule ?? null;
  if (!rotation || schedule === null) {
    const none = { time_zone: null, strategy: null, grace_period_hours: null };
    return { enabled: false, schedule: null, ...none };
  }
  return {
    enabled: rotation.enabled,
    schedule,
    time_zone: rotation.timeZone,
    strategy: rotation.strategy,
    grace_period_hours: rotation.gracePeriodMs / HOUR_MS,
  };
}
