import { Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { KeyDirectory, type KeyView } from '#modules/keys/index.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { SessionNews } from './session-news.js';
import { type Session, SessionReader } from './session-reader.js';
import { IDLE_MS } from './session-times.js';
import { hashOfToken } from './session-token.js';

const MAX_CACHED_SESSIONS = 20_000;

/** Finds sessions without a query for each call. What changes of them is in force everywhere within a second. */
@Injectable()
export class SessionDirectory {
  readonly #sessions: CoherentCache<Session>;

  constructor(
    private readonly reader: SessionReader,
    private readonly keys: KeyDirectory,
    private readonly clock: Clock,
    fanout: Fanout,
    news: SessionNews,
  ) {
    this.#sessions = new CoherentCache<Session>(fanout, {
      maxEntries: MAX_CACHED_SESSIONS,
      tagsOf: ({ userId, view }) => [userId, view.organizationId],
    });
    news.follow((about) => {
      if (about === null) this.#sessions.clear();
      else this.#sessions.invalidate(about);
    });
  }

  /** At once when it is cached; `null` for one that is unknown or over, or whose user is not a member any more. */
  find(token: Secret): Session | null | Promise<Session | null> {
    const hash = hashOfToken(token);
    return this.#find(hash.toString('base64'), () => this.reader.byHash(hash));
  }

  /** The view of a session that was found before, as it is now; `null` where nothing is served to it. */
  async findView(id: string): Promise<KeyView | null> {
    const session = await this.#find(`id ${id}`, () => this.reader.byId(id));
    return session?.suspended === null ? session.view : null;
  }

  #find(
    key: string,
    read: () => Promise<Session | null>,
  ): Session | null | Promise<Session | null> {
    const known = this.#sessions.peek(key);
    if (known && this.#isInUse(known)) return known;
    // It may be in use elsewhere, which is not known here.
    if (known) this.#sessions.invalidate(known.userId);
    return this.#load(key, read);
  }

  async #load(key: string, read: () => Promise<Session | null>): Promise<Session | null> {
    const session = await this.#sessions.load(key, async () => {
      const found = await read();
      if (found) this.keys.remember(found.view, () => this.findView(found.id));
      return found;
    });
    return session && this.#isInUse(session) ? session : null;
  }

  #isInUse({ expiresAt, lastUsedAt }: Session): boolean {
    const now = this.clock.now();
    return now < expiresAt && now < lastUsedAt + IDLE_MS;
  }
}
