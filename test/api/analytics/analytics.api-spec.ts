import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { storeUsage } from '../../support/usage-rollups.js';
import { analyze, newKey, organizationOf, recorder } from './analytics.harness.js';

let app: TestApp;
let organizationId: string;
let record: ReturnType<typeof recorder>;
beforeAll(async () => {
  app = await startTestApp();
  organizationId = await organizationOf(app);
  record = recorder(organizationId);
});
afterAll(() => app.close());

async function refuse(path: string, status: number, key?: string) {
  const answer = await app.call('GET', path, { ...(key !== undefined && { key }) });
  expect(answer.status, `${path} ${JSON.stringify(answer.body)}`).toBe(status);
  return (answer.body as { error: { code: string; param: string | null } }).error;
}

describe('a report on a key', () => {
  it('tells what its calls were, as the management API’s clients read it', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'caller' } });
    const { id, key } = made.body as { id: string; key: string };
    const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
    for (const stream of [false, true, true]) {
      const answer = await app.call('POST', '/v1/chat/completions', {
        key,
        body: { ...body, stream },
      });
      expect(answer.status).toBe(200);
    }
    // Waits until the calls are stored.
    expect((await app.call('GET', '/v1/key', { key })).body).toMatchObject({
      usage: { requests: 3 },
    });
    await storeUsage(app.databaseUrl, []);
    const report = await analyze(app, `/v1/keys/${id}/analytics`, {
      period: '7d',
      granularity: 'hour',
    });
    expect(report).toMatchObject({ total_requests: 3, error_rate: 0, refused_requests: 0 });
    expect(report.models).toEqual([{ name: 'sandbox/echo', requests: 3, cost: report.total_cost }]);
    expect(report.features).toEqual([
      { name: 'chat_completion', usage_count: 3 },
      { name: 'streaming', usage_count: 2 },
    ]);
    expect(report.period).toMatchObject({ time_zone: 'UTC', granularity: 'hour' });
    expect(report.series.length).toBeGreaterThanOrEqual(168);
    expect(report.series.at(-1)).toMatchObject({ requests: 3, errors: 0 });
    expect(report.series[0]).toMatchObject({ requests: 0, cost: 0, avg_latency_ms: 0 });
    expect(report).not.toHaveProperty('groups');
  });

  it('has percentiles within 2 % of those of its events', async () => {
    const id = await newKey(app);
    const now = Date.now();
    const latencies = Array.from({ length: 999 }, (_, index) => Math.round(Math.exp(index / 90)));
    await storeUsage(
      app.databaseUrl,
      latencies.map((latencyMs, index) =>
        record(id, { latencyMs, occurredAtMs: now - index * 400_000 }),
      ),
    );
    for (const query of [
      { period: '30d', granularity: 'day' },
      { period: '30d', granularity: 'day', time_zone: 'Asia/Kolkata' },
      { period: '30d', granularity: 'hour' },
    ]) {
      const report = await analyze(app, `/v1/keys/${id}/analytics`, query);
      expect(report.total_requests).toBe(999);
      for (const [name, rank] of [
        ['p50', 500],
        ['p95', 950],
        ['p99', 990],
      ] as const) {
        const exact = latencies[rank - 1] ?? 0;
        expect(Math.abs(report.latency_ms[name] - exact)).toBeLessThanOrEqual(exact * 0.02 + 1);
      }
      let seen = 0;
      // The newest are the first of the list.
      for (const point of [...report.series].reverse()) {
        const own = latencies.slice(seen, (seen += point.requests));
        const exact = own[Math.ceil(own.length * 0.95) - 1] ?? 0;
        expect(Math.abs(point.latency_ms.p95 - exact)).toBeLessThanOrEqual(exact * 0.02 + 1);
      }
    }
  });

  it('is of that key alone, and not of another organization’s', async () => {
    const id = await newKey(app);
    const theirs = recorder('org_theirs');
    await storeUsage(app.databaseUrl, [record(id), theirs('key_theirs'), theirs(id)]);
    expect(await analyze(app, `/v1/keys/${id}/analytics`)).toMatchObject({ total_requests: 1 });
    const error = await refuse('/v1/keys/key_theirs/analytics', 404);
    expect(error.code).toBe('not_found');
  });

  it('is for those who may read usage', async () => {
    const id = await newKey(app);
    const key = await app.keyWith({ scopes: ['inference', 'keys:read'] });
    for (const path of [`/v1/keys/${id}/analytics`, '/v1/analytics', '/v1/usage/current']) {
      expect((await refuse(path, 403, key)).code).toBe('insufficient_scope');
      const reader = await app.keyWith({ scopes: ['usage:read'] });
      expect((await app.call('GET', path, { key: reader })).status).toBe(200);
    }
  });
});

describe('groups', () => {
  it('are named, and no more than a hundred and the rest', async () => {
    const other = await startTestApp();
    try {
      const made = recorder(await organizationOf(other));
      const named = await newKey(other, {
        name: 'Front end',
        metadata: { team: 'web', nested: { a: 1 } },
      });
      const route = (index: number) => ({
        model: `m${index}`,
        provider: '',
        upstreamModel: '',
        priceVersion: null,
      });
      await storeUsage(other.databaseUrl, [
        ...Array.from({ length: 120 }, (_, index) =>
          made(named, { route: route(index), costNanos: BigInt(index) }),
        ),
        made('key_gone', { costNanos: 10_000n }),
      ]);
      const byModel = await analyze(other, '/v1/analytics', { group_by: 'model' });
      expect(byModel.groups).toHaveLength(101);
      expect(byModel.groups?.[0]).toMatchObject({ name: 'm', is_other: false, cost: 0.00001 });
      expect(byModel.groups?.at(-1)).toMatchObject({ name: 'other', is_other: true, requests: 21 });
      expect(byModel.models.at(-1)).toEqual({ name: 'other', requests: 21, cost: 0.00000021 });
      const groups = async (groupBy: string): Promise<unknown> =>
        (await analyze(other, '/v1/analytics', { group_by: groupBy })).groups?.map(
          ({ name, label, requests }) => [name, label, requests],
        );
      expect(await groups('key')).toEqual([
        ['key_gone', null, 1],
        [named, 'Front end', 120],
      ]);
      expect(await groups('metadata.team')).toEqual([
        [null, null, 1],
        ['web', null, 120],
      ]);
      expect(await groups('metadata.nested')).toContainEqual(['{"a": 1}', null, 120]);
      expect(await groups('provider')).toEqual([
        ['p', null, 1],
        [null, null, 120],
      ]);
      const own = await analyze(other, `/v1/keys/${named}/analytics`, {
        group_by: 'metadata.team',
      });
      expect(own.groups).toMatchObject([{ name: 'web', requests: 120 }]);
    } finally {
      await other.close();
    }
  });
});

describe('what can’t be answered', () => {
  it.each([
    ['period=fortnight', 'period'],
    ['start=2026-13-01', 'start'],
    ['start=2026-01-02&end=x', 'end'],
    ['granularity=second', 'granularity'],
    ['period=30d&granularity=minute', 'granularity'],
    ['group_by=teams', 'group_by'],
    ['group_by=metadata.', 'group_by'],
    ['time_zone=Middle/Earth', 'time_zone'],
    ['time_zone=%2B05:30', 'time_zone'],
    ['periods=7d', 'periods'],
    ['period=7d&period=8d', 'period'],
  ])('is refused by name: %s', async (query, param) => {
    expect(await refuse(`/v1/analytics?${query}`, 400)).toMatchObject({
      code: 'invalid_request',
      param,
    });
  });
});

describe('current usage', () => {
  it('is that of the minute, hour or day that runs', async () => {
    const other = await startTestApp();
    try {
      const made = recorder(await organizationOf(other));
      const now = Date.now();
      const dayStart = now - (now % 86_400_000);
      await storeUsage(other.databaseUrl, [
        made('key_1', { occurredAtMs: now, latencyMs: 30 }),
        made('key_1', { occurredAtMs: now, latencyMs: 10 }),
        made('key_2', { occurredAtMs: dayStart }),
        made('key_3', { occurredAtMs: dayStart - 1 }),
        recorder('org_theirs')('key_4', { occurredAtMs: now }),
      ]);
      const day = await other.call(
        'GET',
        '/v1/usage/current?granularity=day&include_breakdown=true',
      );
      expect(day.body).toEqual({
        requests: 3,
        tokens: { total: 6 },
        cost: 0.000000003,
        active_users: 2,
        breakdown: {
          by_model: [
            { name: 'm', requests: 3, tokens: 6, cost: 0.000000003, avg_latency_ms: 13.67 },
          ],
        },
      });
      const hour = await other.call('GET', '/v1/usage/current');
      expect(hour.body).not.toHaveProperty('breakdown');
      const unknown = await other.call('GET', '/v1/usage/current?granularity=week');
      expect(unknown.body).toMatchObject({ error: { param: 'granularity' } });
    } finally {
      await other.close();
    }
  });
});
