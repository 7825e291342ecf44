import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { KEYS_CHANGED_TOPIC } from '../keys.events.js';

/** Tells every instance of a key that has changed here. Apart from what caches keys: a worker changes keys and caches none. */
@Injectable()
export class AnnounceKeyChangesService {
  constructor(events: EventBus, fanout: Fanout) {
    events.on('keys.key-changed', ({ keyId }) => fanout.publish(KEYS_CHANGED_TOPIC, keyId));
  }
}
