import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { type KeyState, KeyStates } from './key-states.port.js';
import { KEYS_CHANGED_TOPIC } from './keys.events.js';

const MAX_CACHED_STATES = 10_000;

@Injectable()
export class KeyStatesService extends KeyStates {
  readonly #states: CoherentCache<KeyState>;

  constructor(
    private readonly keys: ApiKeyRepository,
    fanout: Fanout,
    events: EventBus,
  ) {
    super();
    this.#states = new CoherentCache<KeyState>(fanout, {
      maxEntries: MAX_CACHED_STATES,
      tagOf: ({ keyId }) => keyId,
    });
    // The directory tells the other instances.
    events.on('keys.key-changed', ({ keyId }) => this.#states.invalidate(keyId));
    fanout.subscribe(KEYS_CHANGED_TOPIC, (keyId) => this.#states.invalidate(keyId));
  }

  override find(organizationId: string, keyId: string): KeyState | null | Promise<KeyState | null> {
    const name = `${organizationId} ${keyId}`;
    return (
      this.#states.peek(name) ?? this.#states.load(name, () => this.#read(organizationId, keyId))
    );
  }

  async #read(organizationId: string, keyId: string): Promise<KeyState | null> {
    const found = await this.keys.find(organizationId, keyId);
    if (!found) return null;
    return { organizationId, keyId, revokedAt: found.key.revokedAt?.getTime() ?? Infinity };
  }
}
