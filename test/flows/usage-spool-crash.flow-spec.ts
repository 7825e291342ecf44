import { Controller, Global, Module, Post } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import {
  UsageModule,
  UsagePipelineStats,
  type UsageRecord,
  UsageRecorder,
  UsageTotals,
} from '#modules/usage/index.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { loadEnv } from '#platform/config/env.js';
import { CryptoModule } from '#platform/crypto/crypto.module.js';
import { ROOT_KEY_BYTES, RootKey } from '#platform/crypto/root-key.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { LOGGER } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

import { compileProgram } from '../support/child-program.js';
import { drainAll, logger, SpoolHarness, tenant } from './usage-spool.harness.js';

const KILLS = 20;

let harness: SpoolHarness;
beforeAll(async () => {
  harness = await SpoolHarness.start();
});
afterAll(() => harness.stop());

describe('kill -9', () => {
  it(`${KILLS} times, anywhere between append and commit: what was acknowledged is stored once`, async () => {
    const { organizationId, keyId } = tenant();
    const dataDir = harness.newDirectory();
    const program = compileProgram(harness.newDirectory(), SOURCES, CHILD);
    const acknowledged: string[] = [];
    for (let run = 0; run < KILLS; run++) {
      const args = [program, dataDir, harness.url, organizationId, keyId, String(run)];
      acknowledged.push(...(await runUntilKilled(args, join(dataDir, `acknowledged-${run}`))));
    }
    const writer = harness.openWriter(dataDir);
    await drainAll(harness.drainOf(dataDir, writer));
    const stored = await harness.admin.query<{ id: string }>(
      'SELECT id FROM usage_events WHERE organization_id = $1',
      [organizationId],
    );
    const storedIds = new Set(stored.rows.map(({ id }) => id));
    expect(acknowledged.length).toBeGreaterThan(KILLS * 50);
    expect(acknowledged.filter((id) => !storedIds.has(id))).toEqual([]);
    // Each run may have written one more than it could acknowledge.
    expect(storedIds.size - acknowledged.length).toBeLessThanOrEqual(KILLS);
    expect((await harness.storedOf(organizationId)).isOnce).toBe(true);
  }, 120_000);
});

describe('UsageModule', () => {
  it('stores the record of a request that was running when the shutdown began', async () => {
    const { organizationId, keyId } = tenant();
    const app = await startApp(organizationId, keyId);
    await app.listen(0, '127.0.0.1');
    // A connection of its own: one that is kept alive would hold up the server's close.
    const call = request(`${await app.getUrl()}/calls`, { method: 'POST', agent: false }).end();
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    await sleep(100);
    await app.close();
    const [answer] = await answered;
    expect(answer.statusCode).toBe(201);
    expect(await harness.storedOf(organizationId)).toEqual({ events: 1, isOnce: true });
  });

  it('lets a caller read its own writes at once, per organization', async () => {
    const { organizationId, keyId, record } = tenant();
    const app = await startApp(organizationId, keyId);
    const totals = app.get(UsageTotals);
    const none = { requests: 0, inputTokens: 0, outputTokens: 0, costNanos: 0n, lastUsedAt: null };
    expect(await totals.ofKey(organizationId, keyId)).toEqual(none);
    const last = record({ occurredAtMs: Date.now() - 1_000, costNanos: 2n ** 62n });
    const earlier = record({ occurredAtMs: last.occurredAtMs - 1, costNanos: 2n ** 62n });
    await Promise.all([last, earlier].map((one) => written(app.get(UsageRecorder), one)));
    const lastUsedAt = new Date(last.occurredAtMs);
    expect(await totals.ofKey(organizationId, keyId)).toEqual({
      requests: 2,
      inputTokens: 4,
      outputTokens: 6,
      costNanos: 2n ** 63n,
      lastUsedAt,
    });
    expect(await totals.ofKey('org_other', keyId)).toEqual(none);
    expect(await totals.lastUsedAt(organizationId, [keyId, 'key_none'])).toEqual(
      new Map([[keyId, lastUsedAt]]),
    );
    expect(await totals.lastUsedAt('org_other', [keyId])).toEqual(new Map());
    const stats = app.get(UsagePipelineStats);
    expect({ ...figures(stats) }).toEqual({ appended: 2, shipped: 2, unshippedBytes: 0, age: 0 });
    await app.close();
  });
});

function figures({ appended, shipped, unshippedBytes, oldestUnshippedAgeMs }: UsagePipelineStats) {
  return { appended, shipped, unshippedBytes, age: oldestUnshippedAgeMs };
}

/** An application whose one route answers after 300 ms, and records just before. */
async function startApp(organizationId: string, keyId: string): Promise<NestFastifyApplication> {
  const { record } = tenant();

  @Controller('calls')
  class CallsController {
    constructor(private readonly recorder: UsageRecorder) {}

    @Post()
    async call(): Promise<string> {
      await sleep(300);
      await written(this.recorder, record({ caller: { organizationId, keyId } }));
      return 'done';
    }
  }

  @Global()
  @Module({
    providers: [
      { provide: LOGGER, useValue: logger },
      { provide: METRICS, useFactory: () => new Registry() },
    ],
    exports: [LOGGER, METRICS],
  })
  class LoggerModule {}

  const config = loadEnv({ LATCHKEY_DATA_DIR: harness.newDirectory() });
  const module = await Test.createTestingModule({
    imports: [
      ConfigModule.forRoot(config),
      LoggerModule,
      DatabaseModule.forRoot(new Secret(harness.url)),
      CryptoModule.forRoot(new RootKey(new Secret(Buffer.alloc(ROOT_KEY_BYTES)))),
      UsageModule,
    ],
    controllers: [CallsController],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useLogger(false);
  await app.init();
  return app;
}

/** Starts a child, kills it within 150 ms of its first record, and answers the ids that it acknowledged in a file. */
async function runUntilKilled(args: string[], acknowledgedFile: string): Promise<string[]> {
  const child = spawn(process.execPath, [...args, acknowledgedFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  await sleep(randomInt(150));
  child.kill('SIGKILL');
  const [, signal] = (await closed) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return readFileSync(acknowledgedFile, 'utf8').split('\n').slice(0, -1);
}

const SOURCES = ['common', 'platform', 'modules/usage'];
const CHILD = `
import 'reflect-metadata';
import { openSync, writeSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { Secret } from '#common/secret/secret.js';
import { SystemClock } from '#common/time/clock.js';
import { PartitionKeeperService } from '#modules/usage/partition-keeper.service.js';
import { claimSpool } from '#modules/usage/spool/spool-folder.js';
import { SPOOL_LIMITS, SpoolWriter } from '#modules/usage/spool/spool-writer.js';
import { UsageShipmentRepository } from '#modules/usage/usage-shipment.repository.js';
import { UsageShipper } from '#modules/usage/usage-shipper.service.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { createLogger } from '#platform/observability/logger.js';

const [, , dataDir, url, organizationId, keyId, run, acknowledgedFile] = process.argv;
const acknowledged = openSync(acknowledgedFile, 'a');
const logger = createLogger('silent');
const clock = new SystemClock();
const dataSource = await new DataSource(dataSourceOptions(new Secret(url))).initialize();
const transactions = new TransactionRunner(dataSource);
const folder = claimSpool(dataDir);
const writer = new SpoolWriter(folder, logger, clock, { ...SPOOL_LIMITS, segmentBytes: 100_000 });
const shipments = new UsageShipmentRepository(transactions);
const partitions = new PartitionKeeperService(transactions, clock, { usageRetentionDays: 400 });
new UsageShipper(folder, writer, shipments, partitions, logger).onApplicationBootstrap();
const caller = { organizationId, keyId };
const route = { model: 'm', provider: 'p', upstreamModel: 'u', priceVersion: null };
let count = 0;
setInterval(() => {
  for (let index = 0; index < 20; index++) {
    const id = 'req_' + run + '_' + count++;
    writer.append({
      id, caller, route, occurredAtMs: Date.now(), surface: 's', status: 200, outcome: 'completed', stream: false, inputTokens: 1,
      cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, usageSource: 'upstream',
      costNanos: 3n, latencyMs: 1, firstByteMs: 1, features: 0,
    });
    writeSync(acknowledged, id + '\\n');
    if (count === 1) process.stdout.write('begun');
  }
}, 1);
`;

function written(recorder: UsageRecorder, record: UsageRecord): Promise<void> {
  return new Promise((resolve, reject) => {
    recorder.record(record, (error) => (error ? reject(error) : resolve()));
  });
}
