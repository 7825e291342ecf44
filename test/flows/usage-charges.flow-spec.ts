import { cpSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ReplaySpoolService } from '#modules/usage/replay-spool.service.js';

import { drainAll, logger, openStorage, SpoolHarness, tenant } from './usage-spool.harness.js';

let harness: SpoolHarness;

beforeAll(async () => {
  harness = await SpoolHarness.start();
});
afterAll(() => harness.stop());

/** A tenant that is there, so that it has a ledger. Each of its records costs 7 nano-dollars unless said. */
async function customer() {
  const made = tenant();
  await harness.admin.query('INSERT INTO organizations (id, name) VALUES ($1, $1)', [
    made.organizationId,
  ]);
  return made;
}

type Booked = { readonly revenue: number; readonly owed: number; readonly cost: number };

async function bookedOf(organizationId: string): Promise<Booked> {
  const { rows } = await harness.admin.query<Record<keyof Booked, string>>(
    `SELECT sum(balance) FILTER (WHERE kind = 'revenue') AS revenue,
            -sum(balance) FILTER (WHERE kind = 'receivable') AS owed,
            (SELECT coalesce(sum(cost_nanos), 0) FROM usage_events WHERE organization_id = $1) AS cost
       FROM ledger_accounts WHERE organization_id = $1`,
    [organizationId],
  );
  const { revenue, owed, cost } = rows[0]!;
  return { revenue: Number(revenue), owed: Number(owed), cost: Number(cost) };
}

async function transfersOf(organizationId: string) {
  const { rows } = await harness.admin.query<{ amount: string; effective_at: Date }>(
    'SELECT amount, effective_at FROM ledger_transfers WHERE organization_id = $1 ORDER BY id',
    [organizationId],
  );
  return rows;
}

const allOf = (nanos: number): Booked => ({ revenue: nanos, owed: nanos, cost: nanos });

describe('a batch of usage', () => {
  it('is charged in the statement that stores it: one transfer for all its records', async () => {
    const { organizationId, append, record } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 20);
    writer.append(record({ costNanos: 0n }));
    await drainAll(harness.drainOf(dataDir, writer));
    expect(await bookedOf(organizationId)).toEqual(allOf(140));
    expect(await transfersOf(organizationId)).toHaveLength(1);
  });

  it('that costs nothing writes nothing to the ledger', async () => {
    const { organizationId, record } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    for (let index = 0; index < 5; index++) writer.append(record({ costNanos: 0n }));
    await drainAll(harness.drainOf(dataDir, writer));
    expect(await transfersOf(organizationId)).toEqual([]);
  });

  it('is charged by the UTC day, at the time of its last record', async () => {
    const { organizationId, record } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000;
    for (const occurredAtMs of [midnight - 2, midnight - 1, midnight]) {
      writer.append(record({ occurredAtMs }));
    }
    await drainAll(harness.drainOf(dataDir, writer));
    expect(await transfersOf(organizationId)).toEqual([
      { amount: '14', effective_at: new Date(midnight - 1) },
      { amount: '7', effective_at: new Date(midnight) },
    ]);
  });

  it('of an organization that is not there is stored all the same', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 3);
    await drainAll(harness.drainOf(dataDir, writer));
    expect(await harness.storedOf(organizationId)).toEqual({ events: 3, isOnce: true });
    expect(await transfersOf(organizationId)).toEqual([]);
  });
});

describe('exactly once', () => {
  it('a spool that is replayed under another name charges nothing again', async () => {
    const { organizationId, append } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 50);
    await drainAll(harness.drainOf(dataDir, writer));
    // Its position says that nothing of it has been stored, and its batches may be cut otherwise.
    await harness.admin.query('DELETE FROM usage_spool_positions');
    append(writer, 30);
    const { shipments, partitions } = harness.storage;
    const replay = new ReplaySpoolService(shipments, partitions, logger);
    await replay.replay(dataDir);
    await replay.replay(dataDir);
    expect(await bookedOf(organizationId)).toEqual(allOf(560));
  });

  it('two machines with copies of one folder charge all that either wrote, once', async () => {
    const { organizationId, append } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 5);
    await drainAll(harness.drainOf(dataDir, writer));
    const copyDir = harness.newDirectory();
    cpSync(dataDir, copyDir, { recursive: true });
    const copyWriter = harness.openWriter(copyDir);
    for (let round = 0; round < 3; round++) {
      append(copyWriter, 20);
      await drainAll(harness.drainOf(copyDir, copyWriter));
      append(writer, 10);
      await drainAll(harness.drainOf(dataDir, writer));
    }
    expect(await bookedOf(organizationId)).toEqual(allOf(95 * 7));
  });

  it('shippers of several spools with the same organizations neither lose, double nor deadlock', async () => {
    const customers = await Promise.all([customer(), customer(), customer()]);
    const storages = await Promise.all(Array.from({ length: 4 }, () => openStorage(harness.url)));
    const drains = storages.map((storage, index) => {
      const dataDir = harness.newDirectory();
      const writer = harness.openWriter(dataDir);
      const order = index % 2 === 0 ? customers : [...customers].reverse();
      return async () => {
        for (let round = 0; round < 10; round++) {
          for (const { append } of order) append(writer, 3);
          await drainAll(harness.drainOf(dataDir, writer, storage));
        }
      };
    });
    await Promise.all(drains.map((drain) => drain()));
    await Promise.all(storages.map(({ dataSource }) => dataSource.destroy()));
    for (const { organizationId } of customers) {
      expect(await bookedOf(organizationId)).toEqual(allOf(4 * 10 * 3 * 7));
    }
    const { rows } = await harness.admin.query(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(rows).toEqual([{ deadlocks: '0' }]);
  });
});

describe('a ledger that refuses', () => {
  it('keeps the batch in the spool, blames no record, and charges it later', async () => {
    const { organizationId, append } = await customer();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 4);
    await harness.admin.query(
      `ALTER TABLE ledger_transfers ADD CONSTRAINT spec CHECK (organization_id <> '${organizationId}')`,
    );
    const drain = harness.drainOf(dataDir, writer);
    for (let attempt = 0; attempt < 5; attempt++) {
      await expect(drain.step()).rejects.toThrow(/spec/);
    }
    expect(drain.counts).toMatchObject({ shipped: 0, rejected: 0 });
    expect(await bookedOf(organizationId)).toEqual(allOf(0));
    await harness.admin.query('ALTER TABLE ledger_transfers DROP CONSTRAINT spec');
    await drainAll(drain);
    expect(await bookedOf(organizationId)).toEqual(allOf(28));
  });
});
