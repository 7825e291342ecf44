import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { Reservation } from '#modules/limits/call-limiter.service.js';
import { amountsOf, NO_AMOUNTS } from '#modules/limits/domain/amounts.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { allowance, Instance, SetClock } from './limits.harness.js';

const clock = new SetClock(Date.UTC(2026, 10, 27, 12));

let database: TestDatabase;
let here: Instance;
let there: Instance;
let killed: Instance | null;
beforeEach(async () => {
  database = await createTestDatabase();
  [here, there] = await Promise.all([
    Instance.start(database.url, clock),
    Instance.start(database.url, clock),
  ]);
  killed = null;
});
afterEach(async () => {
  const living = [here, there].filter((one) => one !== killed);
  await Promise.all(living.map((one) => one.stop()));
  await database.drop();
});

/** Instances that let in so many calls at once, all together. */
function places(limit: number) {
  const limits = [allowance({ metric: 'parallel_requests', window: 'none', limit })];
  const accounts = new Map([here, there].map((one) => [one, one.account(limits)]));
  const order: string[] = [];
  return {
    order,
    /** Resolves when the call has its place. */
    enter: async (instance: Instance, name: string, hasPriority = false): Promise<Reservation> => {
      const account = accounts.get(instance)!;
      const reservation = await instance.take(account, 0, { maxQueued: 100, hasPriority });
      order.push(name);
      return reservation;
    },
  };
}

function leave(instance: Instance, reservation: Reservation): void {
  instance.limiter.settle(reservation, amountsOf(0, 0, 0, 0));
}

it('serves calls in the order in which they came, at whichever instance', async () => {
  const { order, enter } = places(1);
  const call = async (index: number): Promise<void> => {
    const instance = index % 2 === 0 ? here : there;
    const reservation = await enter(instance, `call ${index}`);
    await sleep(400);
    leave(instance, reservation);
  };
  const calls: Promise<void>[] = [];
  for (let index = 0; index < 10; index++) {
    calls.push(call(index));
    await sleep(150);
  }
  await Promise.all(calls);
  expect(order).toEqual(calls.map((_, index) => `call ${index}`));
});

it('does not let who comes later take the place that another instance’s call waits for', async () => {
  const { order, enter } = places(1);
  const running = await enter(here, 'first');
  const waiting = enter(there, 'second').then((reservation) => leave(there, reservation));
  // The instance hears of it when it says for the next time that its place is taken.
  await sleep(1_600);
  leave(here, running);
  const late = enter(here, 'late').then((reservation) => leave(here, reservation));
  await Promise.all([waiting, late]);
  expect(order).toEqual(['first', 'second', 'late']);
});

it('lets priority go first on its instance, where its oldest call is the next of all', async () => {
  const { order, enter } = places(1);
  const running = await enter(here, 'first');
  const calls: Promise<void>[] = [];
  const come = async (instance: Instance, name: string, hasPriority = false): Promise<void> => {
    const call = enter(instance, name, hasPriority);
    calls.push(
      call.then(async (reservation) => {
        await sleep(300);
        leave(instance, reservation);
      }),
    );
    await sleep(150);
  };
  await come(there, 'second');
  await come(here, 'third');
  await come(there, 'urgent', true);
  leave(here, running);
  await Promise.all(calls);
  // The oldest of them waits there, so the next place is theirs, and there goes to the urgent one.
  expect(order).toEqual(['first', 'urgent', 'second', 'third']);
});

it('gives every place that is free to those who wait, also beyond the oldest', async () => {
  const { order, enter } = places(3);
  const running = await Promise.all(['a', 'b', 'c'].map((name) => enter(here, name)));
  const waiting = [enter(there, 'd')];
  await sleep(150);
  waiting.push(enter(here, 'e'), enter(here, 'f'));
  await sleep(150);
  for (const reservation of running) leave(here, reservation);
  const [d, e, f] = await Promise.all(waiting);
  expect(order.slice(0, 3)).toEqual(['a', 'b', 'c']);
  leave(there, d!);
  for (const reservation of [e!, f!]) leave(here, reservation);
});

it('lets nobody wait for those that an instance had in line when it was killed', async () => {
  const { order, enter } = places(1);
  const running = await enter(here, 'first');
  enter(there, 'lost').catch(() => undefined);
  await sleep(300);
  const waiting = enter(here, 'second');
  await sleep(300);
  killed = there;
  await there.kill();
  leave(here, running);
  // Who holds places and is not heard of blocks them for 20 s; who only waits, for a second.
  const reservation = await Promise.race([waiting, sleep(5_000)]);
  expect(order).toEqual(['first', 'second']);
  here.limiter.settle(reservation as Reservation, NO_AMOUNTS);
});

it('goes on when those who waited longer have left', async () => {
  const { order, enter } = places(1);
  const running = await enter(here, 'first');
  const limits = [allowance({ metric: 'parallel_requests', window: 'none', limit: 1 })];
  const taken = there.limiter.admit({
    set: there.account(limits).setOf('model', clock.time),
    amounts: amountsOf(0, 0, 0, 0),
    maxQueued: 9,
    hasPriority: false,
    fit: () => null,
  });
  if (!('reserved' in taken)) throw new Error('There was no place.');
  taken.reserved.catch(() => undefined);
  await sleep(300);
  const waiting = enter(here, 'second');
  await sleep(300);
  taken.leave();
  leave(here, running);
  leave(here, await waiting);
  expect(order).toEqual(['first', 'second']);
});
