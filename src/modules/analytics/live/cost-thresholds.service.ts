import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import type { EventMap } from '#platform/events/event-map.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { WatchedKey } from './listener.js';
import { Listeners } from './listeners.js';
import { LiveMessage } from './live-message.js';

const TOPIC = 'live.cost-threshold';
/** So that a message of the fan-out always has room for it. */
const MAX_MODEL_LENGTH = 256;

type Reached = EventMap['limits.allowance-reached'];
/** What other instances are told: ids and figures. */
type Alert = {
  readonly organizationId: string;
  readonly at: number;
  readonly reached: Reached['reached'];
  readonly limit: Omit<Reached['state'], 'metric'>;
};

/** A limit of cost says once, on one instance, that it nears its end; those who listen to its keys anywhere are told. */
@Injectable()
export class CostThresholds {
  constructor(
    private readonly listeners: Listeners,
    private readonly fanout: Fanout,
    private readonly clock: Clock,
    events: EventBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    fanout.subscribe(TOPIC, (payload) => this.#tell(JSON.parse(payload) as Alert));
    events.on('limits.allowance-reached', (reached) => this.#spread(reached));
  }

  async #spread({ organizationId, reached, state }: Reached): Promise<void> {
    const { metric, model, ...rest } = state;
    if (metric !== 'cost') return;
    const limit = { ...rest, model: model?.slice(0, MAX_MODEL_LENGTH) ?? null };
    const alert: Alert = { organizationId, at: this.clock.now(), reached, limit };
    try {
      await this.fanout.publish(TOPIC, JSON.stringify(alert));
    } catch (error) {
      this.logger.debug({ err: error }, 'Other instances could not be told of an alert');
      this.#tell(alert);
    }
  }

  #tell({ organizationId, at, reached, limit }: Alert): void {
    const timestamp = new Date(at).toISOString();
    /** By key: all who watch the same one are told the same. */
    const messages = new Map<string, LiveMessage>();
    for (const listener of this.listeners.all()) {
      const { key } = listener;
      if (key.organizationId !== organizationId || !binds(limit, key)) continue;
      const fields = { type: 'cost_threshold', timestamp, key_id: key.keyId, reached, limit };
      const message = messages.get(key.keyId) ?? new LiveMessage(fields);
      messages.set(key.keyId, message);
      listener.tell(message);
    }
  }
}

/** Whoever watches a key of one team is not told of another’s budget. */
function binds({ subject, subject_id: id }: Alert['limit'], key: WatchedKey): boolean {
  switch (subject) {
    case 'key':
      return key.keyId === id;
    case 'user':
      return key.ownerId === id;
    case 'team':
      return key.teamId === id;
    case 'project':
      return key.projectIds.includes(id);
    case 'organization':
      return true;
  }
}
