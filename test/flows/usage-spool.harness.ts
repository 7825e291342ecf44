import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { expect, vi } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { SystemClock } from '#common/time/clock.js';
import { PartitionKeeperService } from '#modules/usage/partition-keeper.service.js';
import { SpoolDrain } from '#modules/usage/spool-drain.js';
import { claimSpool } from '#modules/usage/spool/spool-folder.js';
import { SpoolReader } from '#modules/usage/spool/spool-reader.js';
import { SPOOL_LIMITS, type SpoolLimits, SpoolWriter } from '#modules/usage/spool/spool-writer.js';
import type { UsageRecord } from '#modules/usage/usage-record.js';
import { UsageShipmentRepository } from '#modules/usage/usage-shipment.repository.js';
import { UsageShipper } from '#modules/usage/usage-shipper.service.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { createLogger } from '#platform/observability/logger.js';

import { usageRecord } from '../support/factories/usage-record.factory.js';
import { createTestDatabase } from '../support/postgres.js';
import { wrongSums } from '../support/rollups.js';

export const logger = createLogger('silent');
const clock = new SystemClock();

/** All that one process has of the database. */
export async function openStorage(url: string) {
  const dataSource = await new DataSource(dataSourceOptions(new Secret(url))).initialize();
  const transactions = new TransactionRunner(dataSource);
  const partitions = new PartitionKeeperService(transactions, clock, { usageRetentionDays: 400 });
  const shipments = new UsageShipmentRepository(transactions);
  return { dataSource, partitions, shipments, logger };
}

export type Storage = Awaited<ReturnType<typeof openStorage>>;

/** A database and data folders of one spec file. */
export class SpoolHarness {
  readonly #directories: string[] = [];

  private constructor(
    private readonly database: Awaited<ReturnType<typeof createTestDatabase>>,
    /** Looks at the database from outside. */
    readonly admin: pg.Pool,
    readonly storage: Storage,
  ) {}

  static async start(): Promise<SpoolHarness> {
    const database = await createTestDatabase();
    const admin = new pg.Pool({ connectionString: database.url });
    return new SpoolHarness(database, admin, await openStorage(database.url));
  }

  async stop(): Promise<void> {
    await this.storage.dataSource.destroy();
    await this.admin.end();
    await this.database.drop();
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }

  get url(): string {
    return this.database.url;
  }

  newDirectory(): string {
    const directory = mkdtempSync(join(tmpdir(), 'usage-'));
    this.#directories.push(directory);
    return directory;
  }

  openWriter(dataDir: string, limits: Partial<SpoolLimits> = {}): SpoolWriter {
    return new SpoolWriter(claimSpool(dataDir), logger, clock, { ...SPOOL_LIMITS, ...limits });
  }

  drainOf(dataDir: string, writer: SpoolWriter, storage = this.storage): SpoolDrain {
    const folder = claimSpool(dataDir);
    const reader = new SpoolReader(folder, (segment) => segment >= writer.end.segment);
    return new SpoolDrain(folder, reader, storage, () => writer.end);
  }

  shipperOf(dataDir: string, writer: SpoolWriter, storage = this.storage): UsageShipper {
    const { shipments, partitions } = storage;
    return new UsageShipper(claimSpool(dataDir), writer, shipments, partitions, logger);
  }

  /** How many rows a tenant has, and whether each is there once and all sums are those of the rows. */
  async storedOf(organizationId: string): Promise<{ events: number; isOnce: boolean }> {
    const { rows } = await this.admin.query<Record<string, string>>(
      `SELECT count(*) AS events, count(DISTINCT id) AS ids, coalesce(sum(cost_nanos), 0) AS cost,
              (SELECT coalesce(sum(requests), 0) FROM key_usage_totals WHERE organization_id = $1) AS requests,
              (SELECT coalesce(sum(cost_nanos), 0) FROM key_usage_totals WHERE organization_id = $1) AS total_cost
         FROM usage_events WHERE organization_id = $1`,
      [organizationId],
    );
    const { events, ids, cost, requests, total_cost } = rows[0]!;
    const isSummedUp = (await wrongSums(this.admin, organizationId)).length === 0;
    return {
      events: Number(events),
      isOnce: ids === events && requests === events && total_cost === cost && isSummedUp,
    };
  }

  /** Lets no shipment for the key commit before the function that is answered is called. */
  async blockTotalsOf(keyId: string): Promise<() => Promise<void>> {
    const blocker = await this.admin.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT FROM key_usage_totals WHERE key_id = $1 FOR UPDATE', [keyId]);
    return async () => {
      await blocker.query('COMMIT');
      blocker.release();
    };
  }

  /** Waits until as many statements on spool positions stand still on a lock; answers their backends. */
  async blockedStatements(count: number): Promise<number[]> {
    return vi.waitFor(async () => {
      const { rows } = await this.admin.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%usage_spool_positions%'`,
      );
      expect(rows.length).toBe(count);
      return rows.map(({ pid }) => pid);
    });
  }
}

export async function drainAll(drain: SpoolDrain): Promise<void> {
  while (!(await drain.step()).isAtEnd);
}

/** Tries again as the shipper does: the pool may hand out a connection once that has just died. */
export async function drainAfterFailure(drain: SpoolDrain): Promise<void> {
  await vi.waitFor(() => drainAll(drain), { timeout: 5_000 });
}

/** An organization and a key of its own per test, so that totals are the test's alone. */
export function tenant() {
  const organizationId = `org_${randomUUID()}`;
  const keyId = `key_${randomUUID()}`;
  const caller = { organizationId, keyId };
  const { route } = usageRecord();
  const record = (facts: Partial<UsageRecord> = {}): UsageRecord =>
    usageRecord({
      id: `req_${randomUUID()}`,
      caller,
      route,
      inputTokens: 2,
      cachedInputTokens: 1,
      outputTokens: 3,
      costNanos: 7n,
      latencyMs: 10,
      firstByteMs: 5,
      ...facts,
    });
  const append = (writer: SpoolWriter, count: number): void => {
    for (let index = 0; index < count; index++) writer.append(record());
  };
  return { organizationId, keyId, route, record, append };
}

/** A TCP hop in front of PostgreSQL that fails on demand. */
export class FaultyProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #isRefusing = false;
  #lostMarker: string | null = null;

  private constructor(private readonly target: URL) {
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  static async start(databaseUrl: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(databaseUrl));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy is closed.');
    url.host = `127.0.0.1:${address.port}`;
    return url.href;
  }

  /** Delivers the next statement that holds `marker`, then cuts its connection instead of delivering the reply. */
  loseNextReplyTo(marker: string): void {
    this.#lostMarker = marker;
  }

  /** Cuts the clients off; what their connections had begun in the server goes on there. */
  cutClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
    if (isRefusing) this.cutClients();
  }

  async close(): Promise<void> {
    this.cutClients();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.destroy();
      return;
    }
    this.#sockets.add(client);
    const upstream = connect(Number(this.target.port), this.target.hostname);
    let isLosing = false;
    client.on('data', (data) => {
      if (this.#lostMarker !== null && data.includes(this.#lostMarker)) {
        isLosing = true;
        this.#lostMarker = null;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (isLosing) client.destroy();
      else client.write(data);
    });
    // The server is not told that its client is gone, as after a failure of the network.
    client.on('close', () => this.#sockets.delete(client));
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
  }
}

/** Puts a 1 MiB file system at `directory`; answers whether this user may. */
export function mountTmpfs(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
