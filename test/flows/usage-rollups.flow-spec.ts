import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RefusalRepository } from '#modules/usage/refusals/refusal.repository.js';
import { LatencySketch } from '#modules/usage/rollups/latency-sketch.js';
import { pairsOf } from '#modules/usage/rollups/rollup-sql.js';
import { RebuildRollupsService } from '#modules/usage/rollups/rebuild-rollups.service.js';
import { PartitionKeeperService } from '#modules/usage/partition-keeper.service.js';
import { UsageShipmentRepository } from '#modules/usage/usage-shipment.repository.js';
import type { UsageRecord } from '#modules/usage/usage-record.js';
import { SystemClock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { wrongSums } from '../support/rollups.js';
import {
  drainAll,
  openStorage,
  type Storage,
  SpoolHarness,
  tenant,
} from './usage-spool.harness.js';

const DAY_MS = 86_400_000;

let harness: SpoolHarness;
let other: Storage;
beforeAll(async () => {
  harness = await SpoolHarness.start();
  other = await openStorage(harness.url);
});
afterAll(async () => {
  await other.dataSource.destroy();
  await harness.stop();
});

const call = fc.record({
  key: fc.nat(3),
  model: fc.constantFrom('gpt-5', 'claude', 'm "x"\té'),
  provider: fc.constantFrom('', 'openai', 'anthropic'),
  features: fc.constantFrom(0, 1, 9, 2 ** 15),
  status: fc.constantFrom(200, 200, 200, 429, 499, 502),
  outcome: fc.constantFrom<UsageRecord['outcome']>('completed', 'completed', 'failed', 'aborted'),
  inputTokens: fc.nat(100_000),
  costNanos: fc.bigInt(0n, 10n ** 12n),
  latencyMs: fc.oneof(fc.nat(3), fc.nat(5_000), fc.nat(600_000), fc.constant(2 ** 31 - 1)),
  // Now, and late by up to some days; several of a minute, an hour and a day.
  late: fc.oneof(fc.nat(30), fc.nat(3_600), fc.nat(5 * 86_400)).map((seconds) => seconds * 1_000),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** An organization with keys of its own. */
function recorder() {
  const { organizationId, keyId, record } = tenant();
  const toRecord = ({ key, model, provider, late, ...facts }: Call): UsageRecord =>
    record({
      ...facts,
      caller: { organizationId, keyId: `${keyId}${key}` },
      route: { model, provider, upstreamModel: 'u', priceVersion: null },
      occurredAtMs: Date.now() - late,
    });
  return { organizationId, toRecord };
}

describe('roll-ups', () => {
  it('are the sums of the records, whoever ships them, late, again, and at the same time', async () => {
    const runs = fc.record({
      first: fc.array(call, { minLength: 1, maxLength: 80 }),
      second: fc.array(call, { maxLength: 80 }),
      repeated: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(runs, async ({ first, second, repeated }) => {
        const { organizationId, toRecord } = recorder();
        const records = [first, second].map((calls) => calls.map(toRecord));
        // What one spool has, a copy of it has as well.
        records[1]!.push(...records[0]!.slice(0, repeated));
        const drains = records.map((some, index) => {
          const dataDir = harness.newDirectory();
          const writer = harness.openWriter(dataDir);
          for (const one of some) writer.append(one);
          const storage = index === 0 ? harness.storage : other;
          return { drain: harness.drainOf(dataDir, writer, storage), writer };
        });
        await Promise.all(drains.map(({ drain }) => drainAll(drain)));
        for (const { writer } of drains) writer.close();
        expect(await wrongSums(harness.admin, organizationId)).toEqual([]);
        const { events } = await harness.storedOf(organizationId);
        expect(events).toBe(new Set(records.flat().map(({ id }) => id)).size);
      }),
      { numRuns: 25 },
    );
  });

  it('stay so over many small shipments to the same rows, and tell percentiles to within 2 %', async () => {
    const { organizationId, toRecord } = recorder();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const drain = harness.drainOf(dataDir, writer);
    const latencies: number[] = [];
    for (const calls of fc.sample(fc.array(call, { minLength: 10, maxLength: 10 }), {
      numRuns: 60,
      seed: 5,
    })) {
      for (const one of calls) {
        latencies.push(one.latencyMs);
        writer.append(toRecord({ ...one, late: 0 }));
      }
      await drainAll(drain);
    }
    writer.close();
    expect(await wrongSums(harness.admin, organizationId)).toEqual([]);
    const { rows } = await harness.admin.query<{ bucket: number; count: string }>(
      `SELECT pair.bucket, sum(pair.count) AS count
         FROM usage_rollup_day AS row CROSS JOIN LATERAL (${pairsOf('latencies')}) AS pair
        WHERE organization_id = $1 AND key_id = '' GROUP BY 1 ORDER BY 1`,
      [organizationId],
    );
    const sketch = new LatencySketch();
    for (const { bucket, count } of rows) sketch.add(bucket, Number(count));
    const sorted = latencies.toSorted((a, b) => a - b);
    const shares = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];
    for (const [index, told] of sketch.quantiles(shares).entries()) {
      const exact = sorted[Math.max(0, Math.ceil(shares[index]! * sorted.length) - 1)]!;
      expect(Math.abs(told - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.0201));
    }
    expect(new LatencySketch().quantiles([0.5])).toEqual([0]);
    const { rows: longest } = await harness.admin.query<{ pairs: number }>(
      'SELECT max(length(latencies) / 6) AS pairs FROM usage_rollup_day WHERE organization_id = $1',
      [organizationId],
    );
    expect(longest[0]!.pairs).toBeLessThan(256 + 10);
  });
});

/** A database that is told something else than the product says. */
class Patched extends TransactionRunner {
  override preparedSql<Row>(name: string, sql: string, values: readonly unknown[]): Promise<Row[]> {
    const patched = sql.replaceAll('cost_nanos = total.cost_nanos + ', 'cost_nanos = ');
    expect(patched).not.toBe(sql);
    return super.preparedSql(name, patched, values);
  }
}

it('are noticed to be wrong when a sum is replaced where it must be added to', async () => {
  const { organizationId, toRecord } = recorder();
  const dataDir = harness.newDirectory();
  const writer = harness.openWriter(dataDir);
  const own = await openStorage(harness.url);
  const shipments = new UsageShipmentRepository(new Patched(own.dataSource));
  const drain = harness.drainOf(dataDir, writer, { ...own, shipments });
  const [one] = fc.sample(call, { numRuns: 1, seed: 3 }) as [Call];
  for (let batch = 0; batch < 2; batch++) {
    writer.append(toRecord({ ...one, costNanos: 5n, late: 0 }));
    await drainAll(drain);
  }
  writer.close();
  await own.dataSource.destroy();
  expect(await wrongSums(harness.admin, organizationId)).not.toEqual([]);
});

it('are added to by shippers and by who counts refused calls at once, and nobody deadlocks', async () => {
  const { organizationId, toRecord } = recorder();
  const refusals = new RefusalRepository(new TransactionRunner(other.dataSource));
  const calls = fc.sample(call, { numRuns: 60, seed: 11 }).map((one) => ({ ...one, late: 0 }));
  const keys = new Set(calls.map((one) => toRecord(one).caller.keyId));
  const minuteMs = Math.floor(Date.now() / 60_000) * 60_000;
  const refused = [...keys].map((keyId) => ({ organizationId, keyId, minuteMs, calls: 1 }));
  const drains = [0, 1].map((index) => {
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const storage = index === 0 ? harness.storage : other;
    return { writer, drain: harness.drainOf(dataDir, writer, storage) };
  });
  await harness.storage.partitions.prepare([minuteMs]);
  const rounds = 30;
  await Promise.all([
    ...drains.map(async ({ writer, drain }) => {
      for (let round = 0; round < rounds; round++) {
        for (const one of calls) writer.append(toRecord(one));
        await drainAll(drain);
      }
      writer.close();
    }),
    (async () => {
      for (let round = 0; round < rounds; round++) await refusals.addAcrossTenants(refused);
    })(),
  ]);
  expect(await wrongSums(harness.admin, organizationId)).toEqual([]);
  const { rows } = await harness.admin.query<{ refused: string }>(
    `SELECT sum(refused) AS refused FROM usage_rollup_day WHERE organization_id = $1 AND key_id = ''`,
    [organizationId],
  );
  expect(rows).toEqual([{ refused: String(rounds * keys.size) }]);
  const { rows: deadlocks } = await harness.admin.query(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(deadlocks).toEqual([{ deadlocks: '0' }]);
});

async function rebuild(storage: Storage): Promise<string[]> {
  const rebuilt: string[] = [];
  const service = new RebuildRollupsService(
    new TransactionRunner(storage.dataSource),
    storage.partitions,
  );
  await service.rebuild({ from: '2026-01-01', to: '9999-12-31' }, (day) => rebuilt.push(day));
  return rebuilt;
}

describe('rebuilding roll-ups', () => {
  it('mends whatever they say, beside a live shipper, and leaves refused calls as they are', async () => {
    const { organizationId, toRecord } = recorder();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const drain = harness.drainOf(dataDir, writer, other);
    const calls = fc.sample(call, { numRuns: 400, seed: 7 });
    for (const one of calls.slice(0, 200)) writer.append(toRecord(one));
    await drainAll(drain);
    const { admin } = harness;
    for (const grain of ['minute', 'hour', 'day']) {
      await admin.query(
        `UPDATE usage_rollup_${grain} SET requests = requests + 1, refused = 3 WHERE organization_id = $1 AND key_id = ''`,
        [organizationId],
      );
      await admin.query(
        `DELETE FROM usage_breakdown_${grain} WHERE organization_id = $1 AND model = 'claude'`,
        [organizationId],
      );
    }
    for (const table of ['usage_rollup_week', 'usage_breakdown_week']) {
      await admin.query(`UPDATE ${table} SET errors = errors + 1 WHERE organization_id = $1`, [
        organizationId,
      ]);
    }
    expect(await wrongSums(admin, organizationId)).toHaveLength(8);
    const shipping = (async () => {
      for (const one of calls.slice(200)) {
        writer.append(toRecord(one));
        await drainAll(drain);
      }
    })();
    const days = await rebuild(harness.storage);
    await shipping;
    writer.close();
    expect(days).toContain(new Date().toISOString().slice(0, 10));
    expect(await wrongSums(admin, organizationId)).toEqual([]);
    const { rows } = await admin.query<{ refused: string }>(
      `SELECT DISTINCT refused FROM usage_rollup_hour WHERE organization_id = $1 AND key_id = '' AND refused > 0`,
      [organizationId],
    );
    expect(rows).toEqual([{ refused: '3' }]);
  });
});

describe('retention', () => {
  it('drops days of records and of minutes that are over; other sums stay, and too late a record is put aside', async () => {
    const { organizationId, toRecord } = recorder();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const [one] = fc.sample(call, { numRuns: 1, seed: 3 }) as [Call];
    const lateBy = [0, 2, 5, 96].map((days) => days * DAY_MS);
    for (const late of lateBy) writer.append(toRecord({ ...one, late }));
    await drainAll(harness.drainOf(dataDir, writer));

    const transactions = new TransactionRunner(harness.storage.dataSource);
    const partitions = new PartitionKeeperService(transactions, new SystemClock(), {
      usageRetentionDays: 3,
    });
    const dropped = await partitions.dropExpired();
    const dayOf = (late: number): string =>
      new Date(Date.now() - late).toISOString().slice(0, 10).replaceAll('-', '');
    expect(dropped).toEqual(
      expect.arrayContaining([
        `usage_events_${dayOf(5 * DAY_MS)}`,
        `usage_events_${dayOf(96 * DAY_MS)}`,
        `usage_rollup_minute_${dayOf(96 * DAY_MS)}`,
        `usage_breakdown_minute_${dayOf(96 * DAY_MS)}`,
      ]),
    );
    expect(await partitions.dropExpired()).toEqual([]);
    const count = async (table: string): Promise<number> => {
      const { rows } = await harness.admin.query<{ count: string }>(
        `SELECT count(*) AS count FROM ${table} WHERE organization_id = $1`,
        [organizationId],
      );
      return Number(rows[0]!.count);
    };
    const tables = [
      'events',
      'rollup_minute',
      'breakdown_minute',
      'rollup_hour',
      'breakdown_hour',
      'rollup_day',
    ];
    const counts = await Promise.all(tables.map((table) => count(`usage_${table}`)));
    expect(counts).toEqual([2, 6, 6, 8, 8, 8]);

    const drain = harness.drainOf(dataDir, writer, { ...harness.storage, partitions });
    writer.append(toRecord({ ...one, late: 5 * DAY_MS }));
    writer.append(toRecord({ ...one, late: 0 }));
    await drainAll(drain);
    writer.close();
    expect(drain.counts).toMatchObject({ shipped: 1, rejected: 1 });
    expect(await count('usage_events')).toBe(3);
  });
});
