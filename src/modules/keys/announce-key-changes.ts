import { Injectable } from '@nestjs/common';

import { STANDING_CHANGED_TOPIC } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { KEYS_CHANGED_TOPIC } from './keys.events.js';
import { writeStanding } from './standing-change.js';

/** Tells the other instances, also from a process that serves no keys itself. */
@Injectable()
export class AnnounceKeyChanges {
  constructor(fanout: Fanout, events: EventBus) {
    events.on('keys.key-changed', ({ keyId }) => fanout.publish(KEYS_CHANGED_TOPIC, keyId));
    events.on('organizations.standing-changed', (changed) =>
      fanout.publish(STANDING_CHANGED_TOPIC, writeStanding(changed)),
    );
  }
}
