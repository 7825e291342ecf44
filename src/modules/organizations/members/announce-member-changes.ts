import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { MEMBERS_CHANGED_TOPIC } from '../organizations.events.js';

/** Tells the other instances, also from a process that serves no callers itself. */
@Injectable()
export class AnnounceMemberChanges {
  constructor(fanout: Fanout, events: EventBus) {
    events.on('organizations.members-changed', ({ organizationId, userId }) =>
      fanout.publish(MEMBERS_CHANGED_TOPIC, `${organizationId ?? '*'} ${userId ?? '*'}`),
    );
  }
}
