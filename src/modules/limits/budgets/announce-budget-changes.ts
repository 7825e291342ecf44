import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { BUDGETS_CHANGED_TOPIC } from './budgets.events.js';

/** Tells the other instances, also from a process that keeps no budgets itself. */
@Injectable()
export class AnnounceBudgetChanges {
  constructor(fanout: Fanout, events: EventBus) {
    events.on('limits.budgets-changed', ({ organizationId }) =>
      fanout.publish(BUDGETS_CHANGED_TOPIC, organizationId),
    );
  }
}
