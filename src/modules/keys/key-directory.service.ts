import { Inject, Injectable } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { Pepper } from '#platform/crypto/pepper.js';
import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { ApiKeyRepository, type KeyWithSecret } from './api-key.repository.js';
import { isWellFormedKey } from './domain/key-secret.js';
import { compileKeyView, type KeyView } from './domain/key-view.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';
import type { PresentedKey } from './domain/presented-key.js';
import { KeyDirectory } from './key-directory.port.js';
import { KEYS_CHANGED_TOPIC } from './keys.events.js';

const MAX_CACHED_KEYS = 50_000;

@Injectable()
export class KeyDirectoryService extends KeyDirectory {
  readonly #views: CoherentCache<KeyView>;

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly pepper: Pepper,
    fanout: Fanout,
    events: EventBus,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
    this.#views = new CoherentCache<KeyView>(fanout, {
      maxEntries: MAX_CACHED_KEYS,
      tagOf: (view) => view.keyId,
    });
    fanout.subscribe(KEYS_CHANGED_TOPIC, (keyId) => this.#views.invalidate(keyId));
    events.on('keys.key-changed', async ({ keyId }) => {
      // Here at once, whatever becomes of the message to the others.
      this.#views.invalidate(keyId);
      await fanout.publish(KEYS_CHANGED_TOPIC, keyId);
    });
  }

  override find(presented: PresentedKey): KeyView | null | Promise<KeyView | null> {
    const { fingerprint } = presented;
    const known = this.#views.peek(fingerprint);
    if (known) return known;
    const text = presented.reveal();
    if (!isWellFormedKey(text, this.config.keyBrand)) return null;
    return this.#views.load(fingerprint, () => this.#read(text));
  }

  async #read(presented: string): Promise<KeyView | null> {
    const digest = Buffer.from(this.pepper.digest(presented), 'latin1');
    const found = await this.keys.findByDigestAcrossTenants(digest);
    return found && compileKeyView(toRecord(found));
  }
}

function toRecord({ key, secret }: KeyWithSecret): Parameters<typeof compileKeyView>[0] {
  return {
    keyId: key.id,
    organizationId: key.organizationId,
    environment: key.environment,
    accessLevel: key.accessLevel,
    scopes: key.scopes,
    policy: fromPolicyDocument(key.policy),
    expiresAt: key.expiresAt?.getTime() ?? null,
    disabledAt: key.disabledAt?.getTime() ?? null,
    enableAt: key.enableAt?.getTime() ?? null,
    revokedAt: key.revokedAt?.getTime() ?? null,
    secretExpiresAt: secret.expiresAt?.getTime() ?? null,
  };
}
