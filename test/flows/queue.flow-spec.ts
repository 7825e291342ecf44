import { type INestApplicationContext, Module, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { type Config, loadEnv } from '#platform/config/env.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { createLogger } from '#platform/observability/logger.js';
import { ObservabilityModule } from '#platform/observability/observability.module.js';
import { defineJobs } from '#platform/queue/job-definitions.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';
import { QueueModule } from '#platform/queue/queue.module.js';

import { ActingSpecModule } from '../support/acting.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis, WITHOUT_REDIS } from '../support/redis.js';
import { SpecJob } from '../support/spec.jobs.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** What has been started, in order, and what the next runs are to do. */
const runs: { job: string; payload: SpecJob; signal: AbortSignal }[] = [];
let behaviour: (payload: SpecJob, signal: AbortSignal) => Promise<void>;

@JobProcessor('spec.work')
class WorkProcessor implements JobHandler<SpecJob> {
  process(payload: SpecJob, signal: AbortSignal): Promise<void> {
    runs.push({ job: 'spec.work', payload, signal });
    return behaviour(payload, signal);
  }
}

@JobProcessor('spec.work')
class SecondWorkProcessor extends WorkProcessor {}

@JobProcessor('spec-other.work')
class OtherProcessor implements JobHandler<SpecJob> {
  process(payload: SpecJob, signal: AbortSignal): Promise<void> {
    runs.push({ job: 'spec-other.work', payload, signal });
    return Promise.resolve();
  }
}

@JobProcessor('spec.tick', { schedule: { pattern: '* * * * * *' } })
class TickProcessor implements JobHandler<SpecJob> {
  process(payload: SpecJob, signal: AbortSignal): Promise<void> {
    runs.push({ job: 'spec.tick', payload, signal });
    return Promise.resolve();
  }
}

@JobProcessor('spec.beat', { schedule: { everyMs: 1_000 } })
class BeatProcessor implements JobHandler<SpecJob> {
  process(payload: SpecJob, signal: AbortSignal): Promise<void> {
    runs.push({ job: 'spec.beat', payload, signal });
    return Promise.resolve();
  }
}

const WORK_JOBS = defineJobs({
  'spec.work': { payload: SpecJob, attempts: 3 },
  'spec-other.work': { payload: SpecJob },
});
const TICK_JOBS = defineJobs({
  'spec.tick': { payload: SpecJob },
  'spec.beat': { payload: SpecJob },
});
const WORKING = [WORK_JOBS, WorkProcessor, OtherProcessor];

type Started = { readonly app: INestApplicationContext; readonly lines: string[] };

describe.each([
  { name: 'PostgreSQL', needsRedis: false, missing: null },
  { name: 'Redis', needsRedis: true, missing: WITHOUT_REDIS },
])('the job queue on $name', ({ needsRedis, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? 'conforms' : `skipped: ${missing}`, () => {
    let redis: TestRedis | null = null;
    let database: TestDatabase;
    let proxy: TcpProxy;
    const started: INestApplicationContext[] = [];

    beforeAll(async () => {
      if (needsRedis) redis = await startRedis();
    });
    // A queue belongs to a database, on Redis as well: each test has its own, so no test meets another's jobs.
    beforeEach(async () => {
      database = await createTestDatabase();
      proxy = await startTcpProxy(redis?.url ?? database.url);
      runs.length = 0;
      behaviour = () => Promise.resolve();
    });
    afterEach(async () => {
      proxy.restore();
      await Promise.all(started.splice(0).map((app) => app.close()));
      await proxy.stop();
      // PostgreSQL refuses while its autovacuum happens to look at the database.
      await vi.waitFor(() => database.drop(), 5_000);
    });
    afterAll(() => redis?.stop());

    async function start(
      providers: Provider[],
      { role = 'all', url }: { role?: Config['role']; url?: string } = {},
    ): Promise<Started> {
      const lines: string[] = [];
      const logger = createLogger('info', { write: (line) => void lines.push(line) });
      const config: Config = {
        ...loadEnv({}),
        role,
        redisUrl: redis && new Secret(url ?? redis.url),
      };
      const databaseUrl = new Secret(redis ? database.url : (url ?? database.url));

      @Module({ providers })
      class SpecModule {}

      @Module({
        imports: [
          ConfigModule.forRoot(config),
          ObservabilityModule.forRoot(logger),
          DatabaseModule.forRoot(databaseUrl),
          ActingSpecModule,
          QueueModule,
          SpecModule,
        ],
      })
      class AppModule {}

      const app = await NestFactory.createApplicationContext(AppModule, {
        logger: false,
        abortOnError: false,
      });
      started.push(app);
      return { app, lines };
    }

    async function killConnections(): Promise<void> {
      if (redis) {
        const admin = new Redis(redis.url);
        await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        admin.disconnect();
        return;
      }
      const admin = new pg.Client({ connectionString: database.url });
      await admin.connect();
      await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'latchkey-queue'`);
      await admin.end();
    }

    const idsOf = (job: string): (string | undefined)[] =>
      runs.filter((run) => run.job === job).map(({ payload }) => payload.id);
    const newId = (): string => randomBytes(4).toString('hex');

    it('runs a published job once, however many workers there are', async () => {
      const { app } = await start(WORKING);
      await start(WORKING);
      const ids = Array.from({ length: 20 }, newId);
      await Promise.all(ids.map((id) => app.get(JobPublisher).publish('spec.work', { id })));
      await vi.waitFor(() => expect(idsOf('spec.work').sort()).toEqual(ids.sort()), 5_000);
      await sleep(300);
      expect(idsOf('spec.work')).toHaveLength(20);
      expect(runs[0]?.payload).toBeInstanceOf(SpecJob);
      expect(runs[0]?.signal).toBeInstanceOf(AbortSignal);
    });

    it('leaves jobs to workers where its role has none', async () => {
      const { app } = await start(WORKING, { role: 'api' });
      const id = newId();
      await app.get(JobPublisher).publish('spec-other.work', { id });
      await sleep(500);
      expect(runs).toEqual([]);
      await start(WORKING, { role: 'worker' });
      await vi.waitFor(() => expect(idsOf('spec-other.work')).toEqual([id]), 5_000);
    });

    it('tries a failing job again, logging name, id and attempt but no payload', async () => {
      const { app, lines } = await start(WORKING);
      behaviour = () =>
        runs.length === 1 ? Promise.reject(new Error('the provider is away')) : Promise.resolve();
      const id = newId();
      await app.get(JobPublisher).publish('spec.work', { id });
      await vi.waitFor(() => expect(idsOf('spec.work')).toEqual([id, id]), 5_000);
      const failure = lines.find((line) => line.includes('tried again'));
      expect(JSON.parse(failure ?? '{}')).toMatchObject({
        job: 'spec.work',
        attempt: 1,
        attempts: 3,
        jobId: expect.any(String) as string,
      });
      expect(lines.join()).not.toContain(id);
    });

    it.each([
      ['a 4xx AppError', () => Promise.reject(new AppError('not_found'))],
      ['a payload of another shape', null],
    ])('gives up at once on %s', async (_what, failing) => {
      const { app, lines } = await start(WORKING);
      if (failing) behaviour = failing;
      const payload = failing ? { id: newId() } : { id: 7 as unknown as string };
      await app.get(JobPublisher).publish('spec.work', payload);
      await vi.waitFor(() => expect(lines.join()).toContain('A job has failed for good'), 5_000);
      await sleep(1_500);
      expect(runs).toHaveLength(failing ? 1 : 0);
    });

    it('tries a 5xx or 429 AppError as often as the job says, then keeps it as failed', async () => {
      const { app, lines } = await start(WORKING);
      behaviour = () =>
        Promise.reject(
          new AppError(runs.length === 1 ? 'rate_limit_exceeded' : 'service_unavailable'),
        );
      await app.get(JobPublisher).publish('spec.work', { id: newId() });
      await vi.waitFor(() => expect(lines.join()).toContain('A job has failed for good'), 8_000);
      expect(runs).toHaveLength(3);
    });

    it('does not start a delayed job before its time', async () => {
      const { app } = await start(WORKING);
      const publishedAt = performance.now();
      await app.get(JobPublisher).publish('spec.work', { id: newId() }, { delayMs: 1_500 });
      await vi.waitFor(() => expect(runs).toHaveLength(1), { timeout: 5_000, interval: 10 });
      expect(performance.now() - publishedAt).toBeGreaterThan(1_450);
      expect(performance.now() - publishedAt).toBeLessThan(3_000);
    });

    it('adds no second job of the same deduplication id while the first waits or runs', async () => {
      const { app } = await start(WORKING);
      const publisher = app.get(JobPublisher);
      let finish = (): void => undefined;
      behaviour = () => new Promise((resolve) => (finish = resolve));
      await publisher.publish('spec.work', { id: 'first' }, { deduplicationId: 'd' });
      await vi.waitFor(() => expect(runs).toHaveLength(1), 5_000);
      await publisher.publish('spec.work', { id: 'second' }, { deduplicationId: 'd' });
      await sleep(300);
      expect(idsOf('spec.work')).toEqual(['first']);
      finish();
      await vi.waitFor(async () => {
        await publisher.publish('spec.work', { id: 'third' }, { deduplicationId: 'd' });
        expect(idsOf('spec.work')).toContain('third');
      }, 5_000);
      finish();
    });

    it('publishes scheduled jobs once for all workers, also those that start at once', async () => {
      const ticking = [TICK_JOBS, TickProcessor, BeatProcessor];
      await Promise.all(Array.from({ length: 5 }, () => start(ticking)));
      runs.length = 0;
      const startedAt = performance.now();
      const counts = (): number[] => ['spec.tick', 'spec.beat'].map((job) => idsOf(job).length);
      await vi.waitFor(() => expect(Math.min(...counts())).toBeGreaterThanOrEqual(3), 15_000);
      // Each second once, and the first of them may be over already.
      const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
      expect(Math.max(...counts())).toBeLessThanOrEqual(seconds + 1);
    });

    it('refuses payloads that are more than ids, and jobs that nobody declares', async () => {
      const { app } = await start(WORKING);
      const publisher = app.get(JobPublisher);
      await expect(publisher.publish('spec.work', { id: 'x'.repeat(4_096) })).rejects.toThrow(
        RangeError,
      );
      await expect(publisher.publish('spec.tick', {})).rejects.toThrow(
        'declares the job spec.tick',
      );
    });

    it.each(['refuse', 'swallow'] as const)(
      'goes on after the store was unreachable (%s), failing publications in time meanwhile',
      async (how) => {
        const { app, lines } = await start(WORKING, { url: proxy.url });
        const publisher = app.get(JobPublisher);
        const [before, after] = [newId(), newId()];
        await publisher.publish('spec.work', { id: before });
        await vi.waitFor(() => expect(idsOf('spec.work')).toEqual([before]), 5_000);
        proxy[how]();
        const failedFrom = performance.now();
        await expect(publisher.publish('spec.work', { id: 'lost' })).rejects.toThrow();
        expect(performance.now() - failedFrom).toBeLessThan(5_500);
        await sleep(3_000);
        proxy.restore();
        const restoredAt = performance.now();
        await vi.waitFor(() => publisher.publish('spec.work', { id: after }), 5_000);
        await vi.waitFor(() => expect(idsOf('spec.work')).toContain(after), 10_000);
        expect(performance.now() - restoredAt).toBeLessThan(10_000);
        const reports = lines.filter((line) => line.includes('The job queue has a problem'));
        expect(reports.length).toBeGreaterThanOrEqual(1);
        expect(reports.length).toBeLessThanOrEqual(3);
      },
    );

    it('does all jobs although its connections are killed again and again', async () => {
      const { app } = await start(WORKING);
      const publisher = app.get(JobPublisher);
      behaviour = () => sleep(20);
      const ids = Array.from({ length: 100 }, newId);
      for (const [index, id] of ids.entries()) {
        if (index % 25 === 10) await killConnections();
        // What is refused while there is no connection is the publisher's to repeat.
        await vi.waitFor(() => publisher.publish('spec.work', { id }), 5_000);
      }
      await vi.waitFor(() => expect(new Set(idsOf('spec.work'))).toEqual(new Set(ids)), 20_000);
    });

    it.each(['refuse', 'swallow'] as const)(
      'stops in bounded time while the store is unreachable (%s)',
      async (how) => {
        const { app } = await start(WORKING, { url: proxy.url });
        proxy[how]();
        await sleep(300);
        const closedAt = performance.now();
        await app.close();
        expect(performance.now() - closedAt).toBeLessThan(10_000);
      },
    );

    it('lets a running job finish before it stops', async () => {
      const { app } = await start(WORKING);
      let isFinished = false;
      behaviour = async () => {
        await sleep(800);
        isFinished = true;
      };
      await app.get(JobPublisher).publish('spec.work', { id: newId() });
      await vi.waitFor(() => expect(runs).toHaveLength(1), 5_000);
      await app.close();
      expect(isFinished).toBe(true);
    });

    // How long that takes has nothing to do with the store.
    it.skipIf(needsRedis)(
      'tells a long job to stop after 15 s, and another worker does it again',
      async () => {
        const { app } = await start(WORKING);
        behaviour = (_payload, signal) =>
          sleep(60_000, undefined, { signal, ref: false }).then(() => undefined);
        const id = newId();
        await app.get(JobPublisher).publish('spec.work', { id });
        await vi.waitFor(() => expect(runs).toHaveLength(1), 5_000);
        const closedAt = performance.now();
        await app.close();
        expect(performance.now() - closedAt).toBeGreaterThan(14_500);
        expect(performance.now() - closedAt).toBeLessThan(18_000);
        behaviour = () => Promise.resolve();
        await start(WORKING);
        await vi.waitFor(() => expect(idsOf('spec.work')).toEqual([id, id]), 5_000);
      },
    );

    it.each([
      ['no processor', [WORK_JOBS, WorkProcessor], 'spec-other.work: no processor'],
      [
        'two processors',
        [...WORKING, SecondWorkProcessor],
        'spec.work: more than one processor (WorkProcessor, SecondWorkProcessor)',
      ],
      [
        'a processor of an undeclared job',
        [...WORKING, TickProcessor],
        'spec.tick: processed by TickProcessor but declared nowhere',
      ],
      [
        'a job that is declared twice',
        [...WORKING, defineJobs({ 'spec.work': { payload: SpecJob } })],
        'declared twice',
      ],
    ])('does not start with %s', async (_what, providers, message) => {
      await expect(start(providers)).rejects.toThrow(message);
    });

    it('does not start without its store', async () => {
      proxy.refuse();
      await expect(start(WORKING, { url: proxy.url })).rejects.toThrow();
    });
  });
});

describe('the job queue in PostgreSQL', () => {
  it('is migrated by one of many processes that start at once', async () => {
    const database = await createTestDatabase();
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    const { PostgresQueueBackend } = await import('#platform/queue/postgres.queue-backend.js');
    const backends = Array.from(
      { length: 6 },
      () => new PostgresQueueBackend(new Secret(database.url)),
    );
    await Promise.all(backends.map((backend) => backend.prepare()));
    const { rows } = await admin.query<{ n: string }>('SELECT count(*) AS n FROM bullmq.migration');
    expect(Number(rows[0]?.n)).toBeGreaterThan(0);
    await Promise.all(backends.map((backend) => backend.close()));
    await admin.end();
    await database.drop();
  });
});
