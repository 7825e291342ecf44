import { Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { type ChannelAddress, KeyChannels } from '#modules/notifications/index.js';
import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';

import type { KeyRotation } from './key-rotation.js';
import { KeyRotationRepository } from './key-rotation.repository.js';
import { viewRotation } from './rotation.view.js';

type SetSchedule = {
  readonly rotation: KeyRotation;
  readonly channels: readonly ChannelAddress[];
};

/** Writes what somebody has set of a key's rotation, and who is told of it, with the entry in the audit log. */
@Injectable()
export class RecordRotationService {
  constructor(
    private readonly rotations: KeyRotationRepository,
    private readonly channels: KeyChannels,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /**
   * In the transaction that has locked the key.
   * @param before `null` where the key never had a schedule
   * @param after with `before` as its rotation where that stays as it is
   * @returns what webhooks that are new are signed with
   */
  async set(
    before: KeyRotation | null,
    after: SetSchedule,
  ): Promise<{ readonly address: string; readonly secret: Secret }[]> {
    const { rotation } = after;
    const { organizationId, keyId } = rotation;
    const channelsBefore = await this.channels.list(organizationId, keyId);
    if (rotation !== before) await this.rotations.put(rotation, new Date(this.clock.now()));
    const webhooks = await this.channels.set(organizationId, keyId, after.channels);
    const what = changed(
      before ? factsOf(before, channelsBefore) : {},
      factsOf(rotation, after.channels),
    );
    const mail = { before: mailOf(channelsBefore), after: mailOf(after.channels) };
    if (Object.keys(what.after).length > 0 || mail.before !== mail.after) {
      await this.trail.append({
        organizationId,
        action: rotation.schedule === null ? 'key.rotation_ended' : 'key.rotation_set',
        target: { type: 'key', id: keyId },
        ...what,
        before: before && what.before,
        personal: {
          ...(mail.before !== '' && { email_before: mail.before }),
          ...(mail.after !== '' && { email: mail.after }),
        },
      });
    }
    return webhooks;
  }
}

/** As the API shows it. Of an e-mail address, which is somebody's, only that there is one; of a webhook only where it goes. */
function factsOf(rotation: KeyRotation, channels: readonly ChannelAddress[]): AuditFacts {
  const view = viewRotation(rotation.keyId, rotation, []);
  return {
    enabled: view.enabled,
    schedule: view.schedule,
    time_zone: view.time_zone,
    strategy: view.strategy,
    grace_period_hours: view.grace_period_hours,
    auto_update_apps: view.auto_update_apps,
    next_rotation_at: view.next_rotation_at,
    set_by: view.set_by,
    notification_channels: channels.map(({ kind, address }) =>
      kind === 'email' ? kind : `${kind}:${new URL(address).origin}`,
    ),
  };
}

function mailOf(channels: readonly ChannelAddress[]): string {
  return channels
    .flatMap(({ kind, address }) => (kind === 'email' ? [address] : []))
    .toSorted()
    .join(', ');
}
