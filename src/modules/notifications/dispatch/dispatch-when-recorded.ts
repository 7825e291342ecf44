import { Injectable, type OnModuleInit } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

import '../notifications.events.js';
import './notifications.jobs.js';

/** A notification is sent as soon as it is committed. What can't be published is logged, and found by the sweep. */
@Injectable()
export class DispatchWhenRecorded implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly publisher: JobPublisher,
  ) {}

  onModuleInit(): void {
    this.events.on('notifications.notification-recorded', ({ id }) =>
      this.publisher.publish('notifications.dispatch', { id }, { deduplicationId: id }),
    );
  }
}
