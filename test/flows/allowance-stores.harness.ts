/** The stores of allowances on real servers, each the one alike. */
import { DataSource } from 'typeorm';

import { Secret } from '#common/secret/secret.js';
import { SystemClock } from '#common/time/clock.js';
import type { AllowanceStore, LeaseAsk } from '#modules/limits/store/allowance-store.port.js';
import { PostgresAllowanceStore } from '#modules/limits/store/postgres.allowance-store.js';
import { RedisAllowanceStore } from '#modules/limits/store/redis.allowance-store.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { createLogger } from '#platform/observability/logger.js';

import { createTestDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';

export type Backing = { readonly store: AllowanceStore; stop(): Promise<void> };

const CLOCK = new SystemClock();

export async function postgresBacking(): Promise<Backing> {
  const database = await createTestDatabase();
  const source = await new DataSource(dataSourceOptions(new Secret(database.url))).initialize();
  return {
    store: new PostgresAllowanceStore(new TransactionRunner(source), CLOCK),
    stop: async () => {
      await source.destroy();
      await database.drop();
    },
  };
}

export async function redisBacking(): Promise<Backing> {
  const redis = await startRedis();
  if (!redis) throw new Error('There is no Redis.');
  const database = await createTestDatabase();
  const source = await new DataSource(dataSourceOptions(new Secret(database.url))).initialize();
  const transactions = new TransactionRunner(source);
  const store = await RedisAllowanceStore.connect(
    new Secret(redis.url),
    new PostgresAllowanceStore(transactions, CLOCK),
    { transactions, clock: CLOCK, logger: createLogger('silent') },
  );
  return {
    store,
    stop: async () => {
      store.close();
      await redis.stop();
      await source.destroy();
      await database.drop();
    },
  };
}

const MINUTE_MS = 60_000;

/** A minute that runs on for a while, so that no test ends after it. */
export const WINDOW = {
  startsAt: Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS,
  endsAt: Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 10 * MINUTE_MS,
};
export const WINDOW_BEFORE = { startsAt: WINDOW.startsAt - MINUTE_MS, endsAt: WINDOW.startsAt };

export function ask(fields: Partial<LeaseAsk> = {}): LeaseAsk {
  return {
    allowance: 'key:key_a:requests:minute',
    organizationId: 'org_a',
    window: WINDOW,
    limit: 100,
    isParallel: false,
    debtFrom: null,
    keep: null,
    spent: 0,
    need: 0,
    waitingMs: null,
    want: 0,
    alertAt: null,
    ...fields,
  };
}
