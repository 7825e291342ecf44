import { Injectable } from '@nestjs/common';

import { STANDING_CHANGED_TOPIC } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { KEYS_CHANGED_TOPIC, RULES_CHANGED_TOPIC, writeKeyIds } from './keys.events.js';
import { writeStanding } from './standing-change.js';

/**
 * Tells the other instances, also from a process that serves no keys itself. Thousands of keys may change in one
 * transaction: those go out in few messages, one after the other, since each message takes a connection.
 */
@Injectable()
export class AnnounceKeyChanges {
  #waiting: string[] = [];

  constructor(
    private readonly fanout: Fanout,
    events: EventBus,
  ) {
    events.on('keys.key-changed', ({ keyId }) => {
      this.#waiting.push(keyId);
      return this.#waiting.length === 1 ? this.#announce() : undefined;
    });
    events.on('keys.rules-changed', ({ organizationId }) =>
      fanout.publish(RULES_CHANGED_TOPIC, organizationId),
    );
    events.on('organizations.standing-changed', (changed) =>
      fanout.publish(STANDING_CHANGED_TOPIC, writeStanding(changed)),
    );
  }

  async #announce(): Promise<void> {
    // All that one transaction has changed is told of in one go.
    await Promise.resolve();
    const keyIds = this.#waiting;
    this.#waiting = [];
    const failures: unknown[] = [];
    for (const payload of writeKeyIds(keyIds)) {
      await this.fanout
        .publish(KEYS_CHANGED_TOPIC, payload)
        .catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
