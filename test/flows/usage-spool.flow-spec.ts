import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { SpoolUnavailableError } from '#modules/usage/index.js';
import { ReplaySpoolService } from '#modules/usage/replay-spool.service.js';
import { claimSpool, segmentPath } from '#modules/usage/spool/spool-folder.js';

import { sealed } from '../support/usage-lines.js';
import {
  drainAfterFailure,
  drainAll,
  FaultyProxy,
  logger,
  mountTmpfs,
  openStorage,
  SpoolHarness,
  tenant,
} from './usage-spool.harness.js';

const DAY_MS = 86_400_000;

let harness: SpoolHarness;
beforeAll(async () => (harness = await SpoolHarness.start()));
afterAll(() => harness.stop());

describe('shipping the spool', () => {
  it('stores every field, adds to the key’s totals, exact to the nano-dollar beyond 2^53', async () => {
    const { organizationId, keyId, route, record } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const full = record({
      route: { ...route, model: 'mödel "x"', priceVersion: 'v1' },
      costNanos: 9_007_199_254_740_993n,
      stream: true,
      features: 5,
    });
    writer.append(full);
    writer.append(
      record({
        outcome: 'failed',
        status: 502,
        costNanos: 0n,
        firstByteMs: null,
        occurredAtMs: full.occurredAtMs - 5,
      }),
    );
    await drainAll(harness.drainOf(dataDir, writer));
    const events = await harness.admin.query<Record<string, unknown>>(
      'SELECT * FROM usage_events WHERE id = $1',
      [full.id],
    );
    expect(events.rows).toEqual([
      {
        id: full.id,
        organization_id: organizationId,
        key_id: keyId,
        occurred_at: new Date(full.occurredAtMs),
        surface: full.surface,
        model: 'mödel "x"',
        provider: 'p',
        upstream_model: 'u',
        status: 200,
        outcome: 'completed',
        stream: true,
        input_tokens: 2,
        cached_input_tokens: 1,
        output_tokens: 3,
        reasoning_tokens: 0,
        usage_source: 'upstream',
        cost_nanos: '9007199254740993',
        price_version: 'v1',
        latency_ms: 10,
        first_byte_ms: 5,
        features: 5,
        shipped_in: expect.stringMatching(/^\d+$/) as string,
      },
    ]);
    const totals = await harness.admin.query<Record<string, unknown>>(
      'SELECT * FROM key_usage_totals WHERE key_id = $1',
      [keyId],
    );
    expect(totals.rows).toEqual([
      {
        organization_id: organizationId,
        key_id: keyId,
        requests: '2',
        input_tokens: '4',
        output_tokens: '6',
        cost_nanos: '9007199254740993',
        last_used_at: new Date(full.occurredAtMs),
      },
    ]);
  });

  it('counts once what two shippers of the same spool race for', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 5_000);
    const other = await openStorage(harness.url);
    const drains = [
      harness.drainOf(dataDir, writer),
      harness.drainOf(dataDir, writer, other),
      harness.drainOf(dataDir, writer, other),
    ];
    await Promise.all(drains.map(drainAll));
    await other.dataSource.destroy();
    expect(await harness.storedOf(organizationId)).toEqual({ events: 5_000, isOnce: true });
    expect(drains.reduce((sum, { counts }) => sum + counts.shipped, 0)).toBe(5_000);
    expect(drains.reduce((sum, { counts }) => sum + counts.duplicates, 0)).toBe(0);
  });

  it('counts once when the connection is killed in the middle of the transaction', async () => {
    const { organizationId, keyId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const drain = harness.drainOf(dataDir, writer);
    append(writer, 10);
    await drainAll(drain);
    append(writer, 1_500);
    const unblock = await harness.blockTotalsOf(keyId);
    const step = expect(drain.step()).rejects.toThrow();
    await harness.admin.query(
      'SELECT pg_terminate_backend($1)',
      await harness.blockedStatements(1),
    );
    await step;
    expect(await harness.storedOf(organizationId)).toEqual({ events: 10, isOnce: true });
    await unblock();
    await drainAfterFailure(drain);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 1_510, isOnce: true });
  });

  it('counts once when the reply to the commit is lost, also while the statement still runs', async () => {
    const { organizationId, keyId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const proxy = await FaultyProxy.start(harness.url);
    const storage = await openStorage(proxy.url);
    const drain = harness.drainOf(dataDir, writer, storage);
    append(writer, 100);
    await drain.step();
    append(writer, 100);
    proxy.loseNextReplyTo('ship_new_usage');
    await expect(drain.step()).rejects.toThrow();
    await vi.waitFor(async () => expect((await harness.storedOf(organizationId)).events).toBe(200));
    await drainAfterFailure(drain);
    expect(drain.counts.duplicates).toBe(0);

    // The client is cut off, but the statement goes on in the server and commits after the retry has begun.
    append(writer, 100);
    const unblock = await harness.blockTotalsOf(keyId);
    const step = expect(drain.step()).rejects.toThrow();
    await harness.blockedStatements(1);
    proxy.cutClients();
    await step;
    const retry = drainAfterFailure(drain);
    await harness.blockedStatements(2);
    await unblock();
    await retry;
    expect(await harness.storedOf(organizationId)).toEqual({ events: 300, isOnce: true });
    expect(drain.counts.duplicates).toBe(0);
    await storage.dataSource.destroy();
    await proxy.close();
  });

  it('goes on by itself, in order and without a queue in memory, when PostgreSQL comes back', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const proxy = await FaultyProxy.start(harness.url);
    const storage = await openStorage(proxy.url);
    const shipper = harness.shipperOf(dataDir, writer, storage);
    shipper.onApplicationBootstrap();
    append(writer, 10);
    expect(await shipper.flush(5_000)).toBe(true);
    proxy.refuse(true);
    append(writer, 3_000);
    expect(await shipper.flush(400)).toBe(false);
    expect(writer.isHealthy).toBe(true);
    proxy.refuse(false);
    append(writer, 1);
    expect(await shipper.flush(10_000)).toBe(true);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 3_011, isOnce: true });
    expect(writer.unshippedBytes).toBe(0);
    await shipper.onApplicationShutdown();
    await storage.dataSource.destroy();
    await proxy.close();
  });

  it('deletes segments only after they are stored, and never the last one', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir, { segmentBytes: 10_000 });
    append(writer, 500);
    const segments = (): string[] =>
      readdirSync(claimSpool(dataDir).directory).filter((name) => name.endsWith('.log'));
    expect(segments().length).toBeGreaterThan(10);
    const shipper = harness.shipperOf(dataDir, writer);
    shipper.onApplicationBootstrap();
    await shipper.onApplicationShutdown();
    expect(await harness.storedOf(organizationId)).toEqual({ events: 500, isOnce: true });
    expect(segments()).toHaveLength(1);
  });

  it('loses nothing when a copy of the data folder is in use on a second machine', async () => {
    const { organizationId, append } = tenant();
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
    expect(await harness.storedOf(organizationId)).toEqual({ events: 95, isOnce: true });
  });
});

describe('what is damaged or refused', () => {
  it('skips a torn tail and a corrupt line, keeps its bytes, and stores the rest', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const dead = harness.openWriter(dataDir);
    append(dead, 9);
    const { directory } = claimSpool(dataDir);
    const file = segmentPath(directory, dead.end.segment);
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[4] = lines[4]!.replace('\t7\t', '\t9\t');
    writeFileSync(file, `${lines.join('\n')}${lines[0]!.slice(0, 50)}`);
    const writer = harness.openWriter(dataDir);
    append(writer, 1);
    const drain = harness.drainOf(dataDir, writer);
    await drainAll(drain);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 9, isOnce: true });
    expect(drain.counts).toMatchObject({ shipped: 9, corrupt: 1, torn: 1, rejected: 0 });
    expect(readFileSync(file.replace('.log', '.corrupt'), 'utf8')).toBe(`${lines[4]}\n`);
  });

  it('puts records that PostgreSQL refuses aside, one by one, and stores all others', async () => {
    const { organizationId, route, record, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const poison = [
      record({ inputTokens: -1 }),
      record({ costNanos: 2n ** 63n }),
      record({ outputTokens: NaN }),
      record({ occurredAtMs: Date.now() + 2 * DAY_MS }),
      record({ occurredAtMs: Date.UTC(2019, 11, 31) }),
      record({ occurredAtMs: NaN }),
    ];
    for (const bad of poison) {
      append(writer, 150);
      writer.append(bad);
    }
    writer.append(record({ route: { ...route, model: 'a\0b\ud800' } }));
    const drain = harness.drainOf(dataDir, writer);
    await drainAll(drain);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 901, isOnce: true });
    expect(drain.counts).toMatchObject({ shipped: 901, rejected: 6, corrupt: 0 });
    const rejected = readFileSync(join(claimSpool(dataDir).directory, 'rejected.log'), 'utf8')
      .trimEnd()
      .split('\n');
    const ids = rejected.map((line) => (JSON.parse(line) as { record: { id: string } }).record.id);
    expect(ids.sort()).toEqual(poison.map(({ id }) => id).sort());
    expect(await harness.storedOf(organizationId)).toEqual({ events: 901, isOnce: true });
  });

  it('puts aside what is whole but no record, no UTF-8 or no text of PostgreSQL’s', async () => {
    const { organizationId, record, append } = tenant();
    const dataDir = harness.newDirectory();
    const dead = harness.openWriter(dataDir);
    append(dead, 3);
    const { occurredAtMs } = record();
    const rejected = [`${occurredAtMs}\treq_1`, `${occurredAtMs}\t\xff`, `${occurredAtMs}\t\0`];
    const corrupt = ['nonsense', `{"v":1,"at":${occurredAtMs},`];
    const { directory } = claimSpool(dataDir);
    const file = segmentPath(directory, dead.end.segment);
    for (const body of [...rejected, ...corrupt]) {
      appendFileSync(file, Buffer.concat([sealed(Buffer.from(body, 'latin1')), Buffer.from('\n')]));
    }
    const writer = harness.openWriter(dataDir);
    append(writer, 2);
    const drain = harness.drainOf(dataDir, writer);
    await drainAll(drain);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 5, isOnce: true });
    expect(drain.counts).toMatchObject({ shipped: 5, rejected: 3, corrupt: 2, torn: 0 });
    const kept = readFileSync(join(directory, 'rejected.log'), 'utf8').trimEnd().split('\n');
    expect(kept.map((line) => (JSON.parse(line) as { record: { id: string } }).record.id)).toEqual([
      'req_1',
      '\uFFFD',
      '\0',
    ]);
    expect(readFileSync(file.replace('.log', '.corrupt'), 'utf8')).toBe(
      corrupt.map((body) => `${String(sealed(body))}\n`).join(''),
    );
  });

  it('never takes a missing table for bad data', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    append(writer, 10);
    const drain = harness.drainOf(dataDir, writer);
    await harness.admin.query('ALTER TABLE key_usage_totals RENAME TO away');
    try {
      await expect(drain.step()).rejects.toThrow('key_usage_totals');
    } finally {
      await harness.admin.query('ALTER TABLE away RENAME TO key_usage_totals');
    }
    await drainAll(drain);
    expect(drain.counts.rejected).toBe(0);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 10, isOnce: true });
  });

  it('refuses a record on a full disk, loses none it took, and works again when there is room', async (context) => {
    const dataDir = harness.newDirectory();
    if (!mountTmpfs(dataDir)) return context.skip();
    try {
      const { organizationId, record, append } = tenant();
      const writer = harness.openWriter(dataDir, { minFreeBytes: 64 * 1024, checkIntervalMs: 10 });
      append(writer, 20);
      const ballast = join(dataDir, 'ballast');
      writeFileSync(ballast, Buffer.alloc(960 * 1024));
      // Refused before it is too late: what runs still has room.
      await vi.waitFor(() => expect(writer.isHealthy).toBe(false));
      let taken = 20;
      const fill = (): void => {
        for (;;) {
          writer.append(record());
          taken++;
        }
      };
      expect(fill).toThrow(SpoolUnavailableError);
      expect(fill).toThrow(SpoolUnavailableError);
      expect(writer.isHealthy).toBe(false);
      rmSync(ballast);
      await vi.waitFor(() => expect(writer.isHealthy).toBe(true));
      append(writer, 5);
      const drain = harness.drainOf(dataDir, writer);
      await drainAll(drain);
      expect(await harness.storedOf(organizationId)).toEqual({ events: taken + 5, isOnce: true });
      expect(drain.counts.corrupt).toBe(0);
      writer.close();
    } finally {
      execFileSync('umount', ['-l', dataDir]);
    }
  });
});

describe('partitions', () => {
  it('are made for each UTC day that is written to, also a new one and one long past', async () => {
    const { organizationId, record } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const times = [midnight - 1, midnight, midnight - 100 * DAY_MS, Date.now() + DAY_MS - 5_000];
    for (const occurredAtMs of times) writer.append(record({ occurredAtMs }));
    const drain = harness.drainOf(dataDir, writer);
    await drainAll(drain);
    expect(drain.counts).toMatchObject({ shipped: 4, rejected: 0 });
    const { rows } = await harness.admin.query<{ name: string; at: Date }>(
      'SELECT tableoid::regclass::text AS name, occurred_at AS at FROM usage_events WHERE organization_id = $1',
      [organizationId],
    );
    expect(rows).toHaveLength(4);
    for (const { name, at } of rows)
      expect(name).toBe(`usage_events_${at.toISOString().slice(0, 10).replaceAll('-', '')}`);
  });

  it('are made ahead, by any number of processes at once, and made again when one is gone', async () => {
    const { organizationId, append } = tenant();
    const other = await openStorage(harness.url);
    await Promise.all([
      harness.storage.partitions.ensureAhead(7),
      other.partitions.ensureAhead(7),
      other.partitions.ensureAhead(7),
    ]);
    await other.dataSource.destroy();
    const name = (ahead: number): string =>
      `usage_events_${new Date(Date.now() + ahead * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;
    const { rows } = await harness.admin.query(
      `SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'usage_events'::regclass AND relname = ANY($1)`,
      [Array.from({ length: 8 }, (_, ahead) => name(ahead))],
    );
    expect(rows).toHaveLength(8);

    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir);
    const drain = harness.drainOf(dataDir, writer);
    append(writer, 1);
    await drainAll(drain);
    await harness.admin.query(`ALTER TABLE usage_events DETACH PARTITION ${name(0)}`);
    append(writer, 1);
    await expect(drain.step()).rejects.toThrow('no partition');
    await drainAll(drain);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 2, isOnce: true });
  });
});

describe('replay of a spool', () => {
  it('ships a dead machine’s, twice without harm, and tells what it did', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir, { segmentBytes: 20_000 });
    append(writer, 300);
    const folder = claimSpool(dataDir);
    appendFileSync(segmentPath(folder.directory, writer.end.segment), 'torn');
    const replay = new ReplaySpoolService(
      harness.storage.shipments,
      harness.storage.partitions,
      logger,
    );
    const counts = { duplicates: 0, corrupt: 0, torn: 0, rejected: 0, unreadBytes: 4 };
    expect(await replay.replay(dataDir)).toEqual([{ ...folder, ...counts, shipped: 300 }]);
    expect(await replay.replay(folder.directory)).toEqual([{ ...folder, ...counts, shipped: 0 }]);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 300, isOnce: true });
  });

  it('beside a live process counts nothing twice and misses nothing', async () => {
    const { organizationId, append } = tenant();
    const dataDir = harness.newDirectory();
    const writer = harness.openWriter(dataDir, { segmentBytes: 50_000 });
    const shipper = harness.shipperOf(dataDir, writer);
    shipper.onApplicationBootstrap();
    const other = await openStorage(harness.url);
    const replay = new ReplaySpoolService(other.shipments, other.partitions, logger);
    for (let round = 0; round < 10; round++) {
      append(writer, 400);
      await Promise.all([replay.replay(dataDir), shipper.flush(5_000)]);
    }
    await shipper.onApplicationShutdown();
    await other.dataSource.destroy();
    expect(await harness.storedOf(organizationId)).toEqual({ events: 4_000, isOnce: true });
  });
});
