import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Admission } from '#modules/limits/call-limiter.service.js';
import type { Allowance } from '#modules/limits/domain/allowance.js';
import { amountsOf } from '#modules/limits/domain/amounts.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { allowance, Instance, SetClock } from './limits.harness.js';

const clock = new SetClock(Date.UTC(2026, 10, 27, 12));
const CENT = 10_000_000;

let database: TestDatabase;
let instances: Instance[];
beforeEach(async () => {
  database = await createTestDatabase();
  instances = await Promise.all([1, 2, 3].map(() => Instance.start(database.url, clock)));
});
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.stop()));
  await database.drop();
});

/** Who is admitted of so many calls at once, spread over all instances. */
async function race(calls: number, allowances: Allowance[], costNanos = 0): Promise<string[]> {
  const accounts = instances.map((instance) => instance.account(allowances));
  return Promise.all(
    Array.from({ length: calls }, (_, call) => {
      const index = call % instances.length;
      return instances[index]!.tryTake(accounts[index]!, costNanos);
    }),
  );
}

const admitted = (results: string[]): number =>
  results.filter((result) => result === 'admitted').length;

describe('a limit that instances share', () => {
  it('admits exactly as many calls as fit, however many come at once', async () => {
    const results = await race(200, [allowance({ metric: 'cost', limit: 100 * CENT })], 5 * CENT);
    expect(admitted(results)).toBe(20);
    expect(new Set(results)).toEqual(new Set(['admitted', 'budget_exceeded']));
  });

  it('is exact when its first use is raced', async () => {
    expect(admitted(await race(8, [allowance({ limit: 5 })]))).toBe(5);
  });

  it('is given to one call alone when each of many may use all that numbers can say', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const limits = [
      allowance({ metric: 'cost', limit: most }),
      allowance({ metric: 'total_tokens', limit: most }),
    ];
    const [instance] = instances;
    const account = instance!.account(limits);
    const amounts = amountsOf(most, most, most, most);
    const results = await Promise.all(
      // Together more than PostgreSQL's integers hold.
      Array.from({ length: 1_100 }, () => instance!.tryTake(account, 0, { amounts })),
    );
    expect(admitted(results)).toBe(1);
    expect(new Set(results)).toEqual(new Set(['admitted', 'budget_exceeded']));
  });

  it('takes nothing of one limit for a call that another one refuses', async () => {
    const [instance] = instances;
    const requests = allowance({ limit: 10 });
    const both = instance!.account([
      requests,
      allowance({ metric: 'cost', limit: 3 * CENT, subject: 'organization', subjectId: 'org_a' }),
    ]);
    for (let call = 0; call < 10; call++) await instance!.tryTake(both, CENT);
    const alone = instance!.account([requests]);
    const left: string[] = [];
    for (let call = 0; call < 10; call++) left.push(await instance!.tryTake(alone));
    expect(admitted(left)).toBe(7);
  });
});

describe('what is not used', () => {
  it('goes back when it was not used for a second, so that others may use it', async () => {
    const [one, two] = instances;
    const limit = allowance({ limit: 1_000 });
    const busy = one!.account([limit]);
    // Fast enough for leases ahead of need.
    for (let call = 0; call < 400; call++) {
      await one!.take(busy);
      if (call % 20 === 0) await sleep(5);
    }
    await sleep(1_800);
    let left = 0;
    while ((await two!.tryTake(two!.account([limit]))) === 'admitted') left++;
    expect(left).toBe(600);
  });

  it('is given back by what a call really used', async () => {
    const [instance] = instances;
    const account = instance!.account([allowance({ metric: 'cost', limit: 10 * CENT })]);
    const reservation = await instance!.take(account, 10 * CENT);
    expect(await instance!.tryTake(account, CENT)).toBe('budget_exceeded');
    instance!.limiter.settle(reservation, amountsOf(0, 0, 3 * CENT, 0));
    expect(await instance!.tryTake(account, 7 * CENT)).toBe('admitted');
  });

  it('is nothing when a call used more than was foreseen: the next ones pay for it', async () => {
    const [one, two] = instances;
    const limits = [allowance({ metric: 'cost', limit: 10 * CENT })];
    const reservation = await one!.take(one!.account(limits), 2 * CENT);
    one!.limiter.settle(reservation, amountsOf(0, 0, 9 * CENT, 0));
    await sleep(1_800);
    expect(await two!.tryTake(two!.account(limits), 2 * CENT)).toBe('budget_exceeded');
    expect(await two!.tryTake(two!.account(limits), CENT)).toBe('admitted');
  });

  it('survives a restart: who comes back is down for what it used', async () => {
    const limits = [allowance({ limit: 10 })];
    await race(6, limits);
    await Promise.all(instances.map((instance) => instance.stop()));
    instances = [await Instance.start(database.url, clock)];
    expect(admitted(await race(10, limits))).toBe(4);
  });
});

describe('windows', () => {
  it.each([
    ['a minute', 'minute', Date.UTC(2026, 11, 31, 23, 59, 59, 999)],
    ['a leap day', 'day', Date.UTC(2028, 1, 28, 23, 59, 59, 999)],
    ['a month', 'month', Date.UTC(2028, 1, 29, 23, 59, 59, 999)],
    ['a year', 'month', Date.UTC(2026, 11, 31, 23, 59, 59, 999)],
    ['a week', 'week', Date.UTC(2026, 10, 29, 23, 59, 59, 999)],
  ] as const)('open anew at the end of %s, not before', async (_, window, lastMs) => {
    const limits = [allowance({ window, limit: 4 })];
    clock.time = lastMs;
    expect(admitted(await race(9, limits))).toBe(4);
    clock.time = lastMs + 1;
    expect(admitted(await race(9, limits))).toBe(4);
    // A clock that is put back finds the window as it was.
    clock.time = lastMs;
    expect(admitted(await race(3, limits))).toBe(0);
  });

  it('hold for calls that began in them: a settlement goes where the reservation was', async () => {
    const [instance] = instances;
    const account = instance!.account([allowance({ window: 'minute', metric: 'cost', limit: 5 })]);
    clock.time = Date.UTC(2026, 10, 27, 12, 0, 59);
    const reservation = await instance!.take(account, 5);
    clock.time += 2_000;
    instance!.limiter.settle(reservation, amountsOf(0, 0, 5, 0));
    expect(await instance!.tryTake(account, 5)).toBe('admitted');
  });

  it('carry output tokens beyond the limit of a minute into the next one', async () => {
    const [one, two] = instances;
    const limits = [allowance({ window: 'minute', metric: 'output_tokens', limit: 100 })];
    const withOutput = (tokens: number) => ({ amounts: amountsOf(0, 900, 0, tokens) });
    const reservation = await one!.take(one!.account(limits), 0, withOutput(60));
    one!.limiter.settle(reservation, amountsOf(0, 170, 0, 170));
    await sleep(1_800);
    clock.time += 60_000;
    expect(await two!.tryTake(two!.account(limits), 0, withOutput(31))).toBe('rate_limit_exceeded');
    expect(await two!.tryTake(two!.account(limits), 0, withOutput(30))).toBe('admitted');
  });
});

describe('a rate per second', () => {
  it('lets a burst through, and then its pace, over all instances', async () => {
    const limits = [allowance({ window: 'second', limit: 10, burst: 20 })];
    const startedAt = performance.now();
    let passed = admitted(await race(60, limits));
    expect(passed).toBeGreaterThanOrEqual(20);
    while (performance.now() - startedAt < 1_500) passed += admitted(await race(6, limits));
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(passed).toBeLessThanOrEqual(20 + Math.ceil(10 * seconds));
    expect(passed).toBeGreaterThanOrEqual(20 + 10);
  });
});

describe('parallel requests', () => {
  const limits = [allowance({ metric: 'parallel_requests', window: 'none', limit: 5 })];

  it('are never more than the limit, and those that end make room for others', async () => {
    const accounts = instances.map((instance) => instance.account(limits));
    let running = 0;
    let most = 0;
    const call = async (index: number): Promise<void> => {
      const instance = instances[index]!;
      const reservation = await instance.take(accounts[index]!, 0, { maxQueued: 100 });
      most = Math.max(most, ++running);
      await sleep(20);
      running--;
      instance.limiter.settle(reservation, amountsOf(0, 0, 0, 0));
    };
    await Promise.all(Array.from({ length: 60 }, (_, index) => call(index % instances.length)));
    expect(most).toBe(5);
  });

  it('wait in the order in which they came, priority first, and those that left are passed over', async () => {
    const [instance] = instances;
    const account = instance!.account([{ ...limits[0]!, limit: 1 }]);
    const first = await instance!.take(account, 0, { maxQueued: 9 });
    const order: string[] = [];
    const enter = (name: string, hasPriority = false): Admission => {
      const taken = instance!.limiter.admit({
        set: account.setOf('model', clock.time),
        amounts: amountsOf(0, 0, 0, 0),
        maxQueued: 9,
        hasPriority,
        fit: () => null,
      }) as Admission;
      void taken.reserved.then(
        (reservation) => {
          order.push(name);
          instance!.limiter.settle(reservation, amountsOf(0, 0, 0, 0));
        },
        () => undefined,
      );
      return taken;
    };
    enter('1');
    await sleep(50);
    const leaving = enter('2');
    enter('3');
    enter('urgent', true);
    enter('4');
    leaving.leave();
    await sleep(50);
    instance!.limiter.settle(first, amountsOf(0, 0, 0, 0));
    await vi.waitFor(() => expect(order).toHaveLength(4));
    expect(order).toEqual(['urgent', '1', '3', '4']);
  });

  it('are not refused to a call that came while the store was asked for others', async () => {
    const [instance] = instances;
    const account = instance!.account([{ ...limits[0]!, limit: 1_000 }]);
    const results: Promise<string>[] = [];
    for (let turn = 0; turn < 40; turn++) {
      results.push(instance!.tryTake(account));
      await new Promise(setImmediate);
    }
    expect(admitted(await Promise.all(results))).toBe(40);
  });

  it('are refused at once where as many wait as may', async () => {
    const [instance] = instances;
    const account = instance!.account([{ ...limits[0]!, limit: 1 }]);
    await instance!.take(account);
    void instance!.tryTake(account, 0, { maxQueued: 1 });
    await sleep(50);
    expect(await instance!.tryTake(account, 0, { maxQueued: 1 })).toBe(
      'concurrency_limit_exceeded',
    );
    expect(await instance!.tryTake(account)).toBe('concurrency_limit_exceeded');
  });
});

describe('alerts', () => {
  it('are given once in a window, at the share that is asked for and at the end, by one of all instances', async () => {
    const limits = [allowance({ limit: 20, alertThreshold: 0.5 })];
    for (let round = 0; round < 4; round++) await race(9, limits);
    const alerts = instances.flatMap((instance) => instance.alerts);
    expect(alerts.map(({ reached }) => reached).sort()).toEqual(['limit', 'threshold']);
    clock.time += 24 * 3_600_000;
    await race(9, limits);
    expect(instances.flatMap((instance) => instance.alerts)).toHaveLength(2);
  });
});

describe('with the store away', () => {
  let proxy: TcpProxy;
  let cut: Instance[];
  beforeEach(async () => {
    proxy = await startTcpProxy(database.url);
    cut = await Promise.all([1, 2].map(() => Instance.start(proxy.url, clock)));
    // Each has to hear of the others: they are five, with those of the other tests.
    await sleep(2_200);
  });
  afterEach(async () => {
    proxy.restore();
    await Promise.all(cut.map((instance) => instance.stop()));
    await proxy.stop();
  });

  it('a call that asks while others wait in vain waits no longer than they', async () => {
    const [one] = cut;
    const accounts = ['key_a', 'key_b'].map((subjectId) =>
      one!.account([allowance({ subjectId })]),
    );
    proxy.swallow();
    const order: string[] = [];
    const ask = async (index: number): Promise<void> => {
      order.push(await one!.tryTake(accounts[index]!));
    };
    const first = ask(0);
    await sleep(200);
    const second = ask(1);
    await first;
    // In this turn; by itself it would wait for another two seconds.
    await new Promise(setImmediate);
    expect(order).toEqual(['service_unavailable', 'service_unavailable']);
    await second;
  });

  it.each(['refuse', 'swallow'] as const)(
    'budgets are refused and rates go on in a share, then all is as before (it may %s)',
    async (how) => {
      const [one] = cut;
      const budget = one!.account([allowance({ metric: 'cost', limit: 10 * CENT })]);
      const rate = one!.account([allowance({ window: 'minute', limit: 100 })]);
      expect(await one!.tryTake(budget, CENT)).toBe('admitted');
      expect(await one!.tryTake(rate)).toBe('admitted');
      proxy[how]();
      const startedAt = performance.now();
      expect(await one!.tryTake(budget, CENT)).toBe('service_unavailable');
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      let passed = 0;
      while ((await one!.tryTake(rate)) === 'admitted') passed++;
      // One of five, of what was left.
      expect(passed).toBe(19);
      expect(await one!.tryTake(rate)).toBe('rate_limit_exceeded');
      proxy.restore();
      await vi.waitFor(async () => expect(await one!.tryTake(budget, CENT)).toBe('admitted'), {
        timeout: 15_000,
        interval: 100,
      });
      // What it has taken ahead of need meanwhile comes back when it is not used.
      await sleep(1_800);
      let left = 0;
      while (
        (await instances[0]!.tryTake(
          instances[0]!.account([allowance({ window: 'minute', limit: 100 })]),
        )) === 'admitted'
      )
        left++;
      expect(left).toBe(80);
    },
    40_000,
  );
});
