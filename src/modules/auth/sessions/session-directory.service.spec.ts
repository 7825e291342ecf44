import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { type KeyDirectory, memberView } from '#modules/keys/index.js';
import { MEMBERS_CHANGED_TOPIC } from '#modules/organizations/index.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';
import { Fanout } from '#platform/fanout/fanout.port.js';
import { createLogger } from '#platform/observability/logger.js';

import { SessionDirectory } from './session-directory.service.js';
import { SessionNews } from './session-news.js';
import type { Session, SessionReader } from './session-reader.js';
import { hashOfToken } from './session-token.js';
import { SESSIONS_ENDED_TOPIC } from './sessions.events.js';

const NOW = Date.UTC(2026, 10, 28);

class FakeFanout extends Fanout {
  readonly #handlers = new Map<string, (payload: string) => void>();

  override publish(): Promise<void> {
    return Promise.resolve();
  }

  override subscribe(topic: string, handler: (payload: string) => void): void {
    this.#handlers.set(topic, handler);
  }

  override onGap(): void {
    // No connection is ever lost here.
  }

  override get lastConfirmedAt(): number {
    return performance.now();
  }

  deliver(topic: string, payload: string): void {
    this.#handlers.get(topic)?.(payload);
  }
}

class FixedClock extends Clock {
  override now(): number {
    return NOW;
  }
}

/** Ada is in both organizations, and Bob in the second. */
const SESSIONS = [
  { id: 'ada in a', userId: 'user_ada', organizationId: 'org_a' },
  { id: 'ada in b', userId: 'user_ada', organizationId: 'org_b' },
  { id: 'bob in b', userId: 'user_bob', organizationId: 'org_b' },
] as const;

function sessionOf({ id, userId, organizationId }: (typeof SESSIONS)[number]): Session {
  const view = memberView({ userId, organizationId, role: 'viewer', scopes: [], sessionId: id });
  const lastUsedAt = NOW;
  return { id, userId, view, expiresAt: NOW + 60_000, lastUsedAt, suspended: null };
}

async function setUp() {
  const reads: string[] = [];
  const byHash = (hash: Buffer): Promise<Session | null> => {
    const stored = SESSIONS.find(({ id }) => hashOfToken(new Secret(id)).equals(hash));
    if (stored) reads.push(stored.id);
    return Promise.resolve(stored ? sessionOf(stored) : null);
  };
  const reader = { byHash } as unknown as SessionReader;
  const keys = { remember: () => undefined } as unknown as KeyDirectory;
  const fanout = new FakeFanout();
  const transactions = { afterCommit: (callback: () => void) => callback() } as TransactionRunner;
  const events = new EventBus(transactions, createLogger('silent'));
  const news = new SessionNews(fanout, events);
  const directory = new SessionDirectory(reader, keys, new FixedClock(), fanout, news);
  /** Which of them had to be read. */
  const readAnew = async (): Promise<string[]> => {
    reads.length = 0;
    for (const { id } of SESSIONS) await directory.find(new Secret(id));
    return [...reads];
  };
  expect(await readAnew()).toHaveLength(3);
  expect(await readAnew()).toEqual([]);
  return { fanout, events, readAnew };
}

describe('sessions that were read once', () => {
  it.each([
    ['a person in one organization', 'org_a user_ada', ['ada in a', 'ada in b']],
    ['a person everywhere', '* user_bob', ['bob in b']],
    ['everybody in one organization', 'org_b *', ['ada in b', 'bob in b']],
    ['everybody in another organization', 'org_c *', []],
    ['everybody everywhere', '* *', ['ada in a', 'ada in b', 'bob in b']],
  ])('are read anew after news of %s, and no others are', async (_, payload, expected) => {
    const { fanout, events, readAnew } = await setUp();
    fanout.deliver(MEMBERS_CHANGED_TOPIC, payload);
    expect(await readAnew()).toEqual(expected);
    const [organizationId, userId] = payload.split(' ').map((id) => (id === '*' ? null : id));
    events.emit('organizations.members-changed', {
      organizationId: organizationId ?? null,
      userId: userId ?? null,
    });
    expect(await readAnew()).toEqual(expected);
  });

  it('are read anew after their user’s have ended', async () => {
    const { fanout, readAnew } = await setUp();
    fanout.deliver(SESSIONS_ENDED_TOPIC, 'user_ada');
    expect(await readAnew()).toEqual(['ada in a', 'ada in b']);
  });
});
