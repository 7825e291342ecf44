import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Reservation } from '#modules/limits/call-limiter.service.js';
import { type Allowance, allowanceId } from '#modules/limits/domain/allowance.js';
import { amountsOf } from '#modules/limits/domain/amounts.js';
import { windowAt } from '#modules/limits/domain/windows.js';
import type { Account } from '#modules/limits/leases/lease-set.js';
import { limitState } from '#modules/limits/limit-state.js';
import { addRateLimitHeaders } from '#modules/limits/rate-limit-headers.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { allowance, Instance, SetClock } from './limits.harness.js';

const HOUR_MS = 3_600_000;
const HOURLY = allowance({ window: 'hour', limit: 5 });
const DAILY = allowance({ window: 'day', metric: 'cost', limit: 500 });
const MONTHLY = allowance({ window: 'month', metric: 'total_tokens', limit: 5_000 });
const ALL = [HOURLY, DAILY, MONTHLY];
/** Of each call at most: money, and tokens of input and output. */
const COST = 10;
const TOKENS = 100;

const clock = new SetClock(0);
let database: TestDatabase;
let dataDir: string;
let instance: Instance;
const started: Instance[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'latchkey-clock-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()));
  await database.drop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** One that is started in the place of another takes its data folder over, as after a kill. */
async function start(): Promise<Account> {
  instance = await Instance.start(database.url, clock, { dataDir });
  started.push(instance);
  return instance.account(ALL);
}

/** Takes for a call, and writes it down as before it goes out; `null` where it is refused. */
async function begin(account: Account): Promise<Reservation | null> {
  try {
    const amounts = amountsOf(TOKENS / 2, TOKENS / 2, COST, 0);
    const reservation = await instance.take(account, 0, { amounts });
    await new Promise<void>((resolve, reject) => {
      instance.limiter.begin(reservation, (error) => (error ? reject(error) : resolve()));
    });
    return reservation;
  } catch {
    return null;
  }
}

async function beginMany(account: Account, calls: number): Promise<Reservation[]> {
  const all = await Promise.all(Array.from({ length: calls }, () => begin(account)));
  return all.filter((each) => each !== null);
}

function settle(reservation: Reservation, cost: number): void {
  instance.limiter.settle(reservation, amountsOf(TOKENS / 2, TOKENS / 2, cost, 0));
}

/** Used and held of an allowance, in the window that `time` is in. */
async function takenAt(time: number, of: Allowance): Promise<number> {
  const window = windowAt(of, time);
  const id = allowanceId(of);
  const windows = [{ allowance: id, startsAt: window.startsAt }];
  const [state] = await instance.store.read(of.organizationId, windows, 'nobody');
  const used = state?.spent ?? 0;
  const reserved = (state?.total ?? 0) - used;
  for (const amount of Object.values(limitState(of, window, { used, reserved }))) {
    if (typeof amount === 'number') expect(amount).toBeGreaterThanOrEqual(0);
  }
  return used + reserved;
}

function expectNothingNegative(account: Account): void {
  const headers: Record<string, string> = {};
  addRateLimitHeaders(headers, account.setOf('model', clock.time), clock.time);
  expect(Object.keys(headers).length).toBeGreaterThan(0);
  for (const value of Object.values(headers)) expect(value).not.toContain('-1');
  expect(headers['x-ratelimit-remaining-requests']).toMatch(/^\d+$/);
  expect(headers['x-ratelimit-reset-requests']).toMatch(/^(\d+ms|(\d+h)?(\d+m)?\d+s)$/);
}

describe.each([
  // PostgreSQL’s own clock does not jump along; these windows are all to come for it.
  ['+1 h', Date.UTC(2032, 4, 10, 12, 30), HOUR_MS],
  ['−1 h', Date.UTC(2032, 4, 10, 12, 30), -HOUR_MS],
  ['+1 h over the end of a leap day and month', Date.UTC(2032, 1, 29, 23, 30), HOUR_MS],
  ['−1 h into a leap day', Date.UTC(2032, 2, 1, 0, 30), -HOUR_MS],
  ['−1 h into another year', Date.UTC(2033, 0, 1, 0, 30), -HOUR_MS],
])('a clock that jumps %s', (_, before, jumpMs) => {
  const after = before + jumpMs;
  const isSame = (of: Allowance): boolean =>
    windowAt(of, before).startsAt === windowAt(of, after).startsAt;
  /** What is taken of a window after calls in both, of which it has those that fall in it. */
  const expectTaken = async (of: Allowance, inBefore: number, inAfter: number): Promise<void> => {
    const both = inBefore + inAfter;
    expect(await takenAt(before, of)).toBe(isSame(of) ? both : inBefore);
    expect(await takenAt(after, of)).toBe(isSame(of) ? both : inAfter);
  };

  it('opens the windows that it shows, and calls in flight stay in those that they began in', async () => {
    clock.time = before;
    const account = await start();
    const inFlight = await beginMany(account, 3);
    clock.time = after;
    expectNothingNegative(account);
    const others = await beginMany(account, 9);
    expect(others).toHaveLength(5);
    expectNothingNegative(account);
    // More than was foreseen, less, and as much.
    [15, 2, COST].forEach((cost, call) => settle(inFlight[call]!, cost));
    others.forEach((call) => settle(call, COST));
    await started.pop()!.stop();
    await start();
    await expectTaken(HOURLY, 3, 5);
    await expectTaken(DAILY, 27, 50);
    await expectTaken(MONTHLY, 300, 500);

    clock.time = before;
    const back = await beginMany(instance.account(ALL), 9);
    expect(back).toHaveLength(2);
    expectNothingNegative(instance.account(ALL));
  });

  it('loses nothing of what a killed process had in flight on either side of it', async () => {
    clock.time = before;
    let account = await start();
    const [ended] = await beginMany(account, 3);
    settle(ended!, 2);
    clock.time = after;
    await beginMany(account, 2);

    account = await start();
    expectNothingNegative(account);
    await expectTaken(HOURLY, 3, 2);
    await expectTaken(DAILY, 2 + 2 * COST, 2 * COST);
    await expectTaken(MONTHLY, 300, 200);
    expect(await beginMany(account, 9)).toHaveLength(3);
    clock.time = before;
    expect(await beginMany(account, 9)).toHaveLength(2);
  });
});
