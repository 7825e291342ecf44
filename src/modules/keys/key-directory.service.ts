import { Inject, Injectable } from '@nestjs/common';

import { MEMBERS_CHANGED_TOPIC, STANDING_CHANGED_TOPIC } from '#modules/organizations/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { Pepper } from '#platform/crypto/pepper.js';
import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { ApiKeyRepository, type KeyWithSecret, type SecretDigest } from './api-key.repository.js';
import { isWellFormedKey } from './domain/key-secret.js';
import type { KeyView } from './domain/key-view.js';
import type { PresentedKey } from './domain/presented-key.js';
import { KeyDirectory } from './key-directory.port.js';
import { keyViewOf } from './key-view-of.js';
import { KEYS_CHANGED_TOPIC, readKeyIds, RULES_CHANGED_TOPIC } from './keys.events.js';
import { forgetMembers, readMembers } from './members-change.js';
import { readStanding, type StandingChange } from './standing-change.js';
import { digestsOf, PLAIN_SCHEME } from './secret-digests.js';
import { SigningSecrets } from './signing-secrets.js';

const MAX_CACHED_KEYS = 50_000;

/** Where a key is found in the cache and in PostgreSQL, without its secret. */
type Place = {
  readonly fingerprint: string;
  /** As they may be stored; the first is what it should be. */
  readonly digests: readonly [SecretDigest, ...SecretDigest[]];
};

@Injectable()
export class KeyDirectoryService extends KeyDirectory {
  readonly #views: CoherentCache<KeyView>;
  readonly #places = new WeakMap<KeyView, Place>();
  readonly #elsewhere = new WeakMap<KeyView, () => KeyView | null | Promise<KeyView | null>>();

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly pepper: Pepper,
    private readonly signingSecrets: SigningSecrets,
    fanout: Fanout,
    events: EventBus,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    super();
    this.#views = new CoherentCache<KeyView>(fanout, {
      maxEntries: MAX_CACHED_KEYS,
      tagsOf,
    });
    fanout.subscribe(KEYS_CHANGED_TOPIC, (payload) => {
      for (const keyId of readKeyIds(payload)) this.#views.invalidate(keyId);
    });
    // Here at once, whatever becomes of the message to the others.
    events.on('keys.key-changed', ({ keyId }) => this.#views.invalidate(keyId));
    fanout.subscribe(RULES_CHANGED_TOPIC, (organizationId) =>
      this.#views.invalidate(organizationId),
    );
    events.on('keys.rules-changed', ({ organizationId }) => this.#views.invalidate(organizationId));
    fanout.subscribe(STANDING_CHANGED_TOPIC, (payload) => this.#forget(readStanding(payload)));
    events.on('organizations.standing-changed', (changed) => this.#forget(changed));
    // What their owners may do bounds keys of somebody's own.
    fanout.subscribe(MEMBERS_CHANGED_TOPIC, (payload) =>
      forgetMembers(this.#views, readMembers(payload)),
    );
    events.on('organizations.members-changed', (changed) => forgetMembers(this.#views, changed));
  }

  override find(presented: PresentedKey): KeyView | null | Promise<KeyView | null> {
    const { fingerprint } = presented;
    const known = this.#views.peek(fingerprint);
    if (known) return known;
    const text = presented.reveal();
    if (!isWellFormedKey(text, this.config.keyBrand)) return null;
    return this.#load({ fingerprint, digests: digestsOf(text, this.pepper) });
  }

  override current(view: KeyView): KeyView | null | Promise<KeyView | null> {
    const elsewhere = this.#elsewhere.get(view);
    if (elsewhere) return elsewhere();
    const place = this.#places.get(view);
    return place ? (this.#views.peek(place.fingerprint) ?? this.#load(place)) : null;
  }

  override remember(view: KeyView, current: () => KeyView | null | Promise<KeyView | null>): void {
    this.#elsewhere.set(view, current);
  }

  override async findBySecretId(secretId: string): Promise<KeyView | null> {
    const digest = await this.keys.findDigestAcrossTenants(secretId);
    // No fingerprint of a secret has this form, so the views of both ways are cached side by side.
    return digest && this.#load({ fingerprint: `id ${secretId}`, digests: [digest] });
  }

  #forget({ organizationId, teamId, userId, serviceAccountId }: StandingChange): void {
    this.#views.invalidate(serviceAccountId ?? userId ?? teamId ?? organizationId);
  }

  #load(place: Place): Promise<KeyView | null> {
    return this.#views.load(place.fingerprint, () => this.#read(place));
  }

  async #read(place: Place): Promise<KeyView | null> {
    const found = await this.#findSecret(place);
    if (!found) return null;
    const view = keyViewOf(found, this.signingSecrets.open(found.key));
    this.#places.set(view, place);
    return view;
  }

  /** A plain digest is replaced at the first use, when the secret is at hand. */
  async #findSecret({ digests }: Place): Promise<KeyWithSecret | null> {
    const found = await this.keys.findByDigestAcrossTenants(digests);
    if (found?.secret.scheme !== PLAIN_SCHEME) return found;
    const [peppered] = digests;
    await this.keys.replaceDigestAcrossTenants(found.secret, peppered);
    return { ...found, secret: { ...found.secret, ...peppered } };
  }
}

/** All that a key's standing and rights depend on. Ids of different things have different prefixes. */
function tagsOf({ keyId, organizationId, teamId, userId, serviceAccountId }: KeyView): string[] {
  const tags = [keyId, organizationId];
  if (teamId !== null) tags.push(teamId);
  if (userId !== null) tags.push(userId);
  if (serviceAccountId !== null) tags.push(serviceAccountId);
  return tags;
}
