import { Injectable } from '@nestjs/common';

import { MEMBERS_CHANGED_TOPIC } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { SESSIONS_ENDED_TOPIC } from './sessions.events.js';

const EVERYBODY = '*';

/** Whose sessions are not what they were, here or on another instance, and tells the others of those that have ended here. */
@Injectable()
export class SessionNews {
  constructor(
    private readonly fanout: Fanout,
    private readonly events: EventBus,
  ) {
    events.on('auth.sessions-ended', ({ userId }) => fanout.publish(SESSIONS_ENDED_TOPIC, userId));
  }

  /**
   * @param forget what is known of the sessions that this id is about, a user’s or an organization’s; `null`: of all. It must
   * not throw
   */
  follow(forget: (about: string | null) => void): void {
    this.fanout.subscribe(MEMBERS_CHANGED_TOPIC, (payload) => {
      const [organizationId = EVERYBODY, userId = EVERYBODY] = payload.split(' ');
      forget([userId, organizationId].find((id) => id !== EVERYBODY) ?? null);
    });
    this.fanout.subscribe(SESSIONS_ENDED_TOPIC, forget);
    // Here at once, whatever becomes of the message.
    this.events.on('organizations.members-changed', ({ organizationId, userId }) =>
      forget(userId ?? organizationId),
    );
    this.events.on('auth.sessions-ended', ({ userId }) => forget(userId));
  }
}
