import { Injectable } from '@nestjs/common';

import { MEMBERS_CHANGED_TOPIC } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { ApiKeyRepository } from './api-key.repository.js';
import { type KeyReach, reachOf } from './domain/key-reach.js';
import type { KeyView } from './domain/key-view.js';
import { type KeyState, KeyStates } from './key-states.port.js';
import { KEYS_CHANGED_TOPIC, readKeyIds } from './keys.events.js';
import { forgetMembers, type MembersChange, readMembers } from './members-change.js';

const MAX_CACHED_STATES = 10_000;

/** What somebody sees of a key, and what it depends on that they see it. */
type Seen = { readonly state: KeyState; readonly tags: readonly string[] };

@Injectable()
export class KeyStatesService extends KeyStates {
  readonly #states: CoherentCache<Seen>;

  constructor(
    private readonly keys: ApiKeyRepository,
    fanout: Fanout,
    events: EventBus,
  ) {
    super();
    this.#states = new CoherentCache<Seen>(fanout, {
      maxEntries: MAX_CACHED_STATES,
      tagsOf: ({ tags }) => tags,
    });
    // The directory tells the other instances.
    events.on('keys.key-changed', ({ keyId }) => this.#states.invalidate(keyId));
    fanout.subscribe(KEYS_CHANGED_TOPIC, (payload) => {
      for (const keyId of readKeyIds(payload)) this.#states.invalidate(keyId);
    });
    events.on('organizations.members-changed', (changed) => this.#forgetPerson(changed));
    fanout.subscribe(MEMBERS_CHANGED_TOPIC, (payload) => this.#forgetPerson(readMembers(payload)));
  }

  override find(caller: KeyView, keyId: string): KeyState | null | Promise<KeyState | null> {
    const reach = reachOf(caller);
    const name = `${reach.organizationId} ${keyId} ${reach.userId ?? '-'} ${reach.teamId ?? '-'}`;
    return this.#states.peek(name)?.state ?? this.#load(name, reach, keyId);
  }

  async #load(name: string, reach: KeyReach, keyId: string): Promise<KeyState | null> {
    const found = await this.#states.load(name, () => this.#read(reach, keyId));
    return found?.state ?? null;
  }

  async #read(reach: KeyReach, keyId: string): Promise<Seen | null> {
    const found = await this.keys.find(reach, keyId);
    if (!found) return null;
    const { organizationId, userId } = reach;
    const { ownerId, teamId, projectIds, revokedAt } = found.key;
    return {
      state: {
        organizationId,
        keyId,
        ownerId,
        teamId,
        projectIds,
        revokedAt: revokedAt?.getTime() ?? Infinity,
      },
      tags: userId === null ? [keyId] : [keyId, organizationId, userId],
    };
  }

  /** Who is limited may have left the team through which they saw the key. */
  #forgetPerson(changed: MembersChange): void {
    forgetMembers(this.#states, changed);
  }
}
