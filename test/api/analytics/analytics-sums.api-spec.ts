import { randomInt } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FEATURES, featuresOf } from '#modules/keys/index.js';
import type { UsageRecord } from '#modules/usage/index.js';

import { startTestApp, type TestApp } from '../../support/app.js';
import { storeUsage } from '../../support/usage-rollups.js';
import { type Analytics, analyze, newKey, organizationOf, recorder } from './analytics.harness.js';

/** So many reports are compared; each holds a hundred sums and more. */
const QUESTIONS = 40;
const TIMEOUT_MS = 120_000;
const EVENTS = 3_000;
const DAY_MS = 86_400_000;
const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York', 'Pacific/Apia'];
const GRANULARITIES = ['minute', 'hour', 'day', 'week', 'month'];
const GROUPINGS = [
  'model',
  'provider',
  'feature',
  'status',
  'key',
  'environment',
  'team',
  'project',
  'metadata.team',
];
/** What the events' own sums are, in SQL that knows nothing of roll-ups. */
const NAME_OF: Readonly<Record<string, string>> = {
  model: 'model',
  provider: "nullif(provider, '')",
  status: "(status / 100)::text || 'xx'",
  key: 'key_id',
  environment: 'environment',
  team: 'team_id',
  // The first of several.
  project: 'project_ids[1]',
  'metadata.team': "metadata->>'team'",
};
const SUMS = `count(*)::integer AS requests, (count(*) FILTER (WHERE status >= 400 OR outcome = 'failed'))::integer AS errors,
  coalesce(sum(cost_nanos), 0)::text AS cost, coalesce(sum(input_tokens), 0)::integer AS input,
  coalesce(sum(output_tokens), 0)::integer AS output, coalesce(sum(cached_input_tokens), 0)::integer AS cached,
  coalesce(sum(reasoning_tokens), 0)::integer AS reasoning, coalesce(sum(latency_ms), 0)::integer AS latency`;

let app: TestApp;
let database: pg.Client;
let organizationId: string;
let keys: string[];
beforeAll(async () => {
  app = await startTestApp();
  database = new pg.Client({ connectionString: app.databaseUrl });
  await database.connect();
  organizationId = await organizationOf(app);
  const make = async (path: string, body: Record<string, unknown>): Promise<string> =>
    ((await app.call('POST', path, { body })).body as { id: string }).id;
  const team_id = await make('/v1/teams', { name: 'search' });
  const projects = [
    await make('/v1/projects', { name: 'one' }),
    await make('/v1/projects', { name: 'two' }),
  ];
  keys = [
    await newKey(app, { metadata: { team: 'search' }, type: 'team', scope: { team_id, projects } }),
    await newKey(app, { environment: 'staging', metadata: { team: 'ads' } }),
    await newKey(app, { environment: 'staging', metadata: { team: 'search' }, scope: { team_id } }),
    await newKey(app, { environment: 'development', scope: { projects: projects.slice(1) } }),
  ];
  const now = Date.now();
  const events = Array.from({ length: EVENTS }, () => randomEvent(now));
  // Another organization's, at the same times.
  const theirs = recorder('org_theirs');
  await storeUsage(app.databaseUrl, [
    ...events,
    ...events.slice(0, 300).map(({ occurredAtMs }) => theirs('key_theirs', { occurredAtMs })),
  ]);
});
afterAll(async () => {
  await database.end();
  await app.close();
});

function pick<Value>(values: readonly Value[]): Value {
  return values[randomInt(values.length)] as Value;
}

/** Over 92 days; a third within the last hours, so that short periods hold something. */
function randomEvent(now: number): UsageRecord {
  const reach = pick([92 * DAY_MS, 92 * DAY_MS, DAY_MS / 6]);
  const inputTokens = randomInt(10_000);
  const outputTokens = randomInt(1_000);
  const status = pick([200, 200, 200, 200, 429, 404, 500, 502]);
  return recorder(organizationId)(pick(keys), {
    occurredAtMs: now - randomInt(reach),
    route: {
      model: pick(['a', 'b', 'other']),
      provider: status === 404 ? '' : pick(['p', 'q']),
      upstreamModel: 'u',
      priceVersion: null,
    },
    status,
    outcome: status === 200 ? pick(['completed', 'completed', 'failed', 'aborted']) : 'failed',
    inputTokens,
    cachedInputTokens: randomInt(inputTokens + 1),
    outputTokens,
    reasoningTokens: randomInt(outputTokens + 1),
    // Beyond what a double holds when it is summed up.
    costNanos: BigInt(randomInt(2 ** 40)) * 3n,
    latencyMs: Math.round(Math.exp(randomInt(10_000) / 1_000)),
    features: pick([0, randomInt(2 ** FEATURES.length), 1, 9]),
  });
}

/** A question about a random period, granularity, zone and grouping, such as is not refused. */
function randomQuery(): Record<string, string> {
  const granularity = pick(GRANULARITIES);
  const longest = { minute: 1, hour: 60 }[granularity] ?? 92;
  const period = pick([
    () => ({ period: `${randomInt(1, longest + 1)}d` }),
    () => {
      const end = Date.now() - randomInt(30 * DAY_MS);
      // Before 95 days ago boundaries are moved back to their hour.
      const start = Math.max(end - randomInt(60_000, longest * DAY_MS), Date.now() - 94 * DAY_MS);
      return { start: new Date(start).toISOString(), end: new Date(end).toISOString() };
    },
  ])();
  const query = { ...period, granularity, time_zone: pick(ZONES) };
  return randomInt(5) > 0 ? { ...query, group_by: pick(GROUPINGS) } : query;
}

type SumRow = Record<string, string | number | null>;

/** Of the events between the report's ends. */
async function sumsOf(
  { period }: Analytics,
  keyId: string | null,
  name: string | null,
): Promise<SumRow[]> {
  const { rows } = await database.query<SumRow>(
    `SELECT ${name ?? 'NULL'} AS name, ${SUMS} FROM usage_events JOIN api_keys ON api_keys.id = key_id
      WHERE usage_events.organization_id = $1 AND ($2::text IS NULL OR key_id = $2) AND occurred_at >= $3 AND occurred_at < $4
      GROUP BY 1`,
    [organizationId, keyId, period.start, period.end],
  );
  return rows;
}

/** A report's sums as the SQL gives them. */
function asRow(
  name: string | null,
  sums: Pick<
    Analytics['series'][number],
    'requests' | 'errors' | 'cost' | 'tokens' | 'avg_latency_ms'
  >,
): SumRow {
  const { input, output, cached, reasoning } = sums.tokens;
  const { requests, errors, avg_latency_ms: latency } = sums;
  return { name, requests, errors, cost: sums.cost, input, output, cached, reasoning, latency };
}

function expectSameSums(
  found: readonly SumRow[],
  expected: readonly SumRow[],
  about: string,
): void {
  const order = (rows: readonly SumRow[]): SumRow[] =>
    [...rows].sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  const inUsd = expected.map((row) => ({
    ...row,
    cost: usdOf(String(row.cost)),
    latency: averageOf(row),
  }));
  expect(order(found), about).toEqual(order(inUsd));
}

/** With two places. */
function averageOf({ latency, requests }: SumRow): number {
  return Math.round((Number(latency) / Number(requests)) * 100) / 100;
}

/** The double next to it. */
function usdOf(nanos: string): number {
  return Number(`${nanos}e-9`);
}

describe('reports', () => {
  it(
    'sum up what the events do, for random periods, granularities, zones and groupings',
    async () => {
      for (let round = 0; round < QUESTIONS; round++) {
        const keyId = randomInt(5) < 2 ? pick(keys) : null;
        const query = randomQuery();
        const path = keyId === null ? '/v1/analytics' : `/v1/keys/${keyId}/analytics`;
        const about = `${path} ${JSON.stringify(query)}`;
        const report = await analyze(app, path, query);
        await expectTotals(report, keyId, about);
        await expectSeries(report, keyId, about);
        if (query.group_by !== undefined) await expectGroups(report, keyId, query.group_by, about);
      }
    },
    TIMEOUT_MS,
  );
});

async function expectTotals(report: Analytics, keyId: string | null, about: string): Promise<void> {
  const [row] = await sumsOf(report, keyId, null);
  const { requests = 0, errors = 0, cost = '0' } = row ?? {};
  expect(report.total_requests, about).toBe(requests);
  expect(report.total_cost, about).toBe(usdOf(String(cost)));
  expect(report.avg_latency_ms, about).toBe(row ? averageOf(row) : 0);
  const rate = Number(requests) === 0 ? 0 : (Number(errors) / Number(requests)) * 100;
  expect(report.error_rate, about).toBeCloseTo(rate, 1);
  const { input = 0, output = 0, cached = 0, reasoning = 0 } = row ?? {};
  expect(report.tokens, about).toEqual({
    input,
    output,
    cached,
    reasoning,
    total: Number(input) + Number(output),
  });
  const models = await sumsOf(report, keyId, 'model');
  expect(new Set(report.models), about).toEqual(
    new Set(
      models.map(({ name, requests: count, cost: nanos }) => ({
        name,
        requests: count,
        cost: usdOf(String(nanos)),
      })),
    ),
  );
  const sets = await sumsOf(report, keyId, 'features::text');
  const counts = FEATURES.map((name) => ({
    name,
    usage_count: sets
      .filter((set) => featuresOf(Number(set.name)).includes(name))
      .reduce((sum, set) => sum + Number(set.requests), 0),
  }));
  expect(new Set(report.features), about).toEqual(
    new Set(counts.filter(({ usage_count: count }) => count > 0)),
  );
}

/** PostgreSQL says where the points begin. */
async function expectSeries(report: Analytics, keyId: string | null, about: string): Promise<void> {
  const { series, period } = report;
  const ends = series.map(({ end }) => end);
  expect(
    series.map(({ start }) => start),
    about,
  ).toEqual([period.start, ...ends.slice(0, -1)]);
  expect(ends.at(-1), about).toBe(period.end);
  const bucket = `date_trunc('${period.granularity}', occurred_at, '${period.time_zone}')`;
  const start = `to_char(greatest(${bucket}, timestamptz '${period.start}') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const expected = await sumsOf(report, keyId, start);
  const found = series.filter(({ requests }) => requests > 0);
  expectSameSums(
    found.map((point) => asRow(point.start, point)),
    expected,
    about,
  );
}

async function expectGroups(
  report: Analytics,
  keyId: string | null,
  groupBy: string,
  about: string,
): Promise<void> {
  const groups = report.groups ?? [];
  const found = groups.map((group) => asRow(group.name, group));
  if (groupBy === 'feature') {
    const none = groups.filter(({ name }) => name !== null);
    const counts = none.map(({ name, requests }) => ({ name, usage_count: requests }));
    expect(new Set(counts), about).toEqual(new Set(report.features));
    return;
  }
  expectSameSums(found, await sumsOf(report, keyId, NAME_OF[groupBy] ?? ''), about);
}
