/** The feed of stored usage, on a real PostgreSQL whose transactions overlap in every way. */
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FeedFollower } from '#modules/usage/feed/feed-follower.js';
import { ReadUsageFeedService } from '#modules/usage/feed/read-usage-feed.service.js';
import type { FeedKey, FeedPage, FeedQuery } from '#modules/usage/feed/usage-feed.port.js';
import { UsageFeed } from '#modules/usage/feed/usage-feed.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { insertEvents } from '../support/usage-events.js';
import { SpoolHarness } from './usage-spool.harness.js';

const WRITERS = 4;
const WATCHED: FeedKey = { organizationId: 'org_1', keyId: 'key_1' };
const ALSO_WATCHED: FeedKey = { organizationId: 'org_2', keyId: 'key_2' };
const UNWATCHED: FeedKey = { organizationId: 'org_2', keyId: 'key_1' };

let harness: SpoolHarness;
let feed: ReadUsageFeedService;
const writers: pg.Client[] = [];
beforeAll(async () => {
  harness = await SpoolHarness.start();
  await harness.storage.partitions.ensureAhead(1);
  feed = new ReadUsageFeedService(new TransactionRunner(harness.storage.dataSource));
  for (let number = 0; number < WRITERS; number++) {
    const writer = new pg.Client({ connectionString: harness.url });
    await writer.connect();
    writers.push(writer);
  }
});
afterAll(async () => {
  await Promise.all(writers.map((writer) => writer.end()));
  await harness.stop();
});

type Step =
  | { readonly what: 'read' }
  | { readonly what: 'write'; readonly by: number; readonly count: number }
  | { readonly what: 'end'; readonly by: number; readonly commit: boolean };

const by = fc.nat({ max: WRITERS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ what: 'read' } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('write' as const),
      by,
      count: fc.constantFrom(0, 1, 1, 2, 3, 2_100),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('end' as const),
      by,
      commit: fc.constantFrom(true, true, true, false),
    }),
  },
);

/** Transactions of several connections, which commit in any order while somebody reads. */
class Story {
  readonly committed: string[] = [];
  readonly read: string[] = [];
  readonly #open = new Map<number, string[]>();

  constructor(
    private readonly follower: FeedFollower,
    private readonly keys: readonly FeedKey[],
  ) {}

  async take(one: Step): Promise<void> {
    if (one.what === 'read') await this.readAll();
    else if (one.what === 'write') await this.#write(one.by, one.count);
    else await this.#end(one.by, one.commit);
  }

  async finish(): Promise<void> {
    for (const number of [...this.#open.keys()]) await this.#end(number, true);
    await this.readAll();
  }

  async readAll(): Promise<void> {
    for (let isThrough = false; !isThrough;) {
      const { records, upTo } = await this.follower.next(this.keys);
      this.read.push(...records.map(({ id }) => id));
      isThrough = upTo !== null;
    }
  }

  async #write(number: number, count: number): Promise<void> {
    const writer = writers[number]!;
    const ids = this.#open.get(number) ?? [];
    if (!this.#open.has(number)) await writer.query('BEGIN');
    this.#open.set(number, ids);
    // With none it has an id all the same, and holds the oldest one back.
    if (count === 0) await writer.query('SELECT pg_current_xact_id()');
    const key = count === 1 ? ALSO_WATCHED : WATCHED;
    ids.push(...(await insertEvents(writer, key, count)));
    await insertEvents(writer, UNWATCHED, 1);
  }

  async #end(number: number, commit: boolean): Promise<void> {
    const ids = this.#open.get(number);
    if (!ids) return;
    await writers[number]!.query(commit ? 'COMMIT' : 'ROLLBACK');
    if (commit) this.committed.push(...ids);
    this.#open.delete(number);
  }
}

describe('the feed', () => {
  it('delivers each record exactly once, in whatever order transactions begin and end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), async (steps) => {
        const follower = new FeedFollower(feed, await feed.now());
        const story = new Story(follower, [WATCHED, ALSO_WATCHED]);
        for (const one of steps) await story.take(one);
        await story.finish();
        expect(story.read.toSorted()).toEqual(story.committed.toSorted());
      }),
      { numRuns: 25 },
    );
  });

  it('delivers each record once also when reading fails between the pages of a stretch', async () => {
    let failures = 0;
    const failing = new (class extends UsageFeed {
      override now = () => feed.now();
      override async page(query: FeedQuery): Promise<FeedPage> {
        if (failures++ % 2 === 0) throw new Error('PostgreSQL is away.');
        return feed.page(query);
      }
    })();
    const follower = new FeedFollower(failing, await feed.now());
    const ids: string[] = [];
    for (let batch = 0; batch < 10; batch++) {
      ids.push(...(await insertEvents(harness.admin, WATCHED, 500)));
    }
    const read: string[] = [];
    while (read.length < ids.length) {
      // Keys that change in the middle of a stretch change nothing in it.
      const keys = read.length === 0 ? [WATCHED] : [];
      const page = await follower.next(keys).catch(() => null);
      read.push(...(page?.records ?? []).map(({ id }) => id));
    }
    expect(read.toSorted()).toEqual(ids.toSorted());
    expect(failures).toBeGreaterThan(4);
  });

  it('tells what a record is', async () => {
    const follower = new FeedFollower(feed, await feed.now());
    const [id] = await insertEvents(harness.admin, WATCHED, 1);
    const { records } = await follower.next([WATCHED]);
    expect(records).toEqual([
      {
        ...WATCHED,
        id,
        occurredAt: expect.any(Date) as Date,
        model: 'a-model',
        provider: 'a-provider',
        status: 200,
        outcome: 'completed',
        inputTokens: 10,
        cachedInputTokens: 2,
        outputTokens: 20,
        reasoningTokens: 5,
        costNanos: 1_234_567_890n,
        latencyMs: 321,
      },
    ]);
  });

  it.each([
    ['without statistics', ''],
    ['with statistics', 'ANALYZE usage_events'],
  ])(
    'reads by the index of what is new, however much there is of a watched key, %s',
    async (_, prepare) => {
      for (let batch = 0; batch < 20; batch++) await insertEvents(harness.admin, WATCHED, 1_000);
      await harness.admin.query(prepare);
      const statements: { sql: string; parameters: readonly unknown[] }[] = [];
      const spied = {
        sql: (sql: string, parameters: readonly unknown[] = []) => {
          statements.push({ sql, parameters });
          return Promise.resolve([{ position: '1:1:', next: null, id: null }]);
        },
      };
      const since = await feed.now();
      await insertEvents(harness.admin, WATCHED, 10);
      const query = { keys: [WATCHED], since, until: null, after: null };
      await new ReadUsageFeedService(spied as unknown as TransactionRunner).page(query);
      const [{ sql, parameters }] = statements as [(typeof statements)[number]];
      const explained = await harness.admin.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, BUFFERS OFF) ${sql}`,
        [...parameters],
      );
      const plan = explained.rows.map((row) => row['QUERY PLAN']).join('\n');
      // The partition of tomorrow, which is empty, may be looked through.
      expect(plan).toMatch(/Index Scan (using|on) \w+_shipped_in_idx .* rows=10(\.00)? /);
      const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, n]) =>
        Number(n),
      );
      expect(Math.max(0, ...removed)).toBeLessThan(100);
    },
  );
});
