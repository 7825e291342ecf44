import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type {
  AllowanceStore,
  LeaseAnswer,
  LeaseAsk,
  RateAsk,
} from '#modules/limits/store/allowance-store.port.js';

import { WITHOUT_REDIS } from '../support/redis.js';
import {
  ask,
  type Backing,
  postgresBacking,
  redisBacking,
  WINDOW,
  WINDOW_BEFORE,
} from './allowance-stores.harness.js';

const backings = [
  { name: 'PostgreSQL', start: postgresBacking, missing: null },
  { name: 'Redis', start: redisBacking, missing: WITHOUT_REDIS },
];

const newName = (): string => `key:${randomBytes(6).toString('hex')}:requests:minute`;

const answer = (fields: Partial<LeaseAnswer>): LeaseAnswer => ({
  kept: 0,
  granted: 0,
  total: 0,
  spent: 0,
  holders: 1,
  funded: null,
  othersWaitingMs: null,
  reached: null,
  ...fields,
});

/** One holder's exchanges, each with the next fence. */
class Teller {
  #fence = 0;

  constructor(
    private readonly store: AllowanceStore,
    readonly allowance = newName(),
    readonly id = `holder_${randomBytes(6).toString('hex')}`,
  ) {}

  get holder(): { id: string; fence: number } {
    return { id: this.id, fence: ++this.#fence };
  }

  async asks(fields: Partial<LeaseAsk>): Promise<LeaseAnswer | null> {
    const asks = [ask({ allowance: this.allowance, ...fields })];
    return (await this.store.exchange(this.holder, asks))[0] ?? null;
  }
}

describe.each(backings)('allowances in $name', ({ name, start, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? name : `skipped: ${missing}`, () => {
    let backing: Backing;
    let store: AllowanceStore;
    beforeAll(async () => {
      backing = await start();
      store = backing.store;
    });
    afterAll(() => backing.stop());

    it('are granted as far as they are needed, and half of the rest in advance at most', async () => {
      const one = new Teller(store);
      expect(await one.asks({ need: 10, want: 100 })).toEqual(answer({ granted: 55, total: 55 }));
      expect(await one.asks({ keep: 55, spent: 3, need: 45, want: 9 })).toEqual(
        answer({ kept: 55, granted: 45, total: 100, spent: 3, reached: 'limit' }),
      );
      expect(await one.asks({ keep: 100, spent: 3, need: 1 })).toEqual(
        answer({ kept: 100, total: 100, spent: 3 }),
      );
    });

    it('are granted up to the limit where more is needed', async () => {
      const one = new Teller(store);
      expect(await one.asks({ need: 101, want: 7 })).toMatchObject({ granted: 100 });
      expect(await one.asks({ keep: 130, spent: 130, need: 1 })).toMatchObject({
        granted: 0,
        total: 130,
      });
    });

    it('are shared: each in advance its part of the rest, together never more than the limit', async () => {
      const one = new Teller(store);
      const two = new Teller(store, one.allowance);
      const three = new Teller(store, one.allowance);
      expect(await one.asks({ need: 20 })).toMatchObject({ granted: 20, holders: 1 });
      expect(await two.asks({ want: 80 })).toEqual(answer({ granted: 20, total: 40, holders: 2 }));
      expect(await three.asks({ need: 70, want: 5 })).toEqual(
        answer({ granted: 60, total: 100, holders: 3, reached: 'limit' }),
      );
      // What one gives back the others can have.
      expect(await one.asks({ keep: 5, spent: 5 })).toMatchObject({ total: 85, spent: 5 });
      expect(await two.asks({ keep: 20, need: 30 })).toMatchObject({ granted: 15, total: 100 });
    });

    it('are absolute: said twice it changes nothing, and who does not say keeps what it is down for', async () => {
      const one = new Teller(store);
      await one.asks({ need: 10 });
      for (let time = 0; time < 2; time++) {
        expect(await one.asks({ keep: 10, spent: 4 })).toEqual(
          answer({ kept: 10, total: 10, spent: 4 }),
        );
      }
      expect(await one.asks({ keep: 10, spent: 4, need: 5 })).toMatchObject({ granted: 5 });
      expect(await one.asks({ need: 1 })).toEqual(
        answer({ kept: 15, granted: 1, total: 16, spent: 15 }),
      );
    });

    it('are not changed by an exchange that a later one has overtaken', async () => {
      const { id, allowance } = new Teller(store);
      const late = { id, fence: 1 };
      await store.exchange({ id, fence: 2 }, [ask({ allowance, need: 10 })]);
      expect(await store.exchange(late, [ask({ allowance, keep: 0, need: 9 })])).toEqual([null]);
      expect(await store.exchange({ id, fence: 3 }, [ask({ allowance, keep: 10 })])).toEqual([
        answer({ kept: 10, total: 10 }),
      ]);
    });

    it('begin with what was used beyond the limit in the window before', async () => {
      const one = new Teller(store);
      await one.asks({ window: WINDOW_BEFORE, need: 100 });
      await one.asks({ window: WINDOW_BEFORE, keep: 130, spent: 130 });
      const debtFrom = WINDOW_BEFORE.startsAt;
      expect(await one.asks({ debtFrom, need: 75 })).toEqual(
        answer({ granted: 70, total: 100, spent: 30, holders: 2, reached: 'limit' }),
      );
      // Only once: the second one in finds it in the window already.
      const two = new Teller(store, one.allowance);
      expect(await two.asks({ debtFrom, need: 1 })).toEqual(
        answer({ total: 100, spent: 30, holders: 3 }),
      );
      const other = new Teller(store);
      await other.asks({ window: WINDOW_BEFORE, need: 100 });
      expect(await other.asks({ debtFrom, need: 100 })).toMatchObject({ granted: 100 });
    });

    it('tell once that the share is reached at which somebody is told, and once that they are at their end', async () => {
      const one = new Teller(store);
      const two = new Teller(store, one.allowance);
      expect(await one.asks({ alertAt: 50, need: 49 })).toMatchObject({ reached: null });
      expect(await two.asks({ alertAt: 50, need: 1 })).toMatchObject({ reached: 'threshold' });
      expect(await one.asks({ alertAt: 50, keep: 0 })).toMatchObject({ reached: null });
      expect(await one.asks({ alertAt: 50, keep: 0, need: 60 })).toMatchObject({ reached: null });
      expect(await two.asks({ alertAt: 50, keep: 1, need: 39 })).toMatchObject({
        reached: 'limit',
      });
      expect(await one.asks({ alertAt: 50, keep: 60 })).toMatchObject({ reached: null });
    });

    it('answer all asks of an exchange, in order', async () => {
      const { id, allowance } = new Teller(store);
      const asks = Array.from({ length: 20 }, (_, need) =>
        ask({ allowance: `${allowance}:${19 - need}`, need }),
      );
      const answers = await store.exchange({ id, fence: 1 }, asks);
      expect(answers.map((one) => one?.granted)).toEqual(asks.map(({ need }) => need));
    });

    it('of a predecessor are put down for what it used; what is not named it did not use', async () => {
      const one = new Teller(store);
      const unnamed = new Teller(store, newName(), one.id);
      const witness = new Teller(store, one.allowance);
      await one.asks({ need: 50 });
      const { allowance, id } = one;
      await store.exchange({ id, fence: 7 }, [ask({ allowance: unnamed.allowance, need: 40 })]);
      await store.recover({ id, fence: 8 }, [{ allowance, startsAt: WINDOW.startsAt, used: 12 }]);
      expect(await witness.asks({})).toMatchObject({ total: 12, spent: 12 });
      const other = new Teller(store, unnamed.allowance);
      expect(await other.asks({})).toMatchObject({ total: 0, spent: 0 });
      // Its successor finds them, and nothing of before comes in between.
      expect(await store.exchange({ id, fence: 8 }, [ask({ allowance })])).toEqual([null]);
      const [found] = await store.exchange({ id, fence: 9 }, [ask({ allowance, need: 1 })]);
      expect(found).toMatchObject({ kept: 12, granted: 1, total: 13 });
    });

    it('of a predecessor are used up where nobody knows what it used', async () => {
      const one = new Teller(store);
      await one.asks({ need: 50 });
      await store.recover({ id: one.id, fence: 9 }, null);
      const witness = new Teller(store, one.allowance);
      expect(await witness.asks({})).toMatchObject({ total: 50, spent: 50 });
    });

    it('are shown to their organization', async () => {
      const one = new Teller(store);
      await one.asks({ need: 5 });
      await one.asks({ keep: 5, spent: 2 });
      const { allowance } = one;
      const windows = [
        { allowance, startsAt: WINDOW.startsAt },
        { allowance, startsAt: WINDOW_BEFORE.startsAt },
      ];
      const state = { allowance, startsAt: WINDOW.startsAt, total: 5, spent: 2 };
      expect(await store.read('org_a', windows, one.id)).toEqual([
        { ...state, own: { total: 5, spent: 2 } },
      ]);
      expect(await store.read('org_a', windows, 'hld_other')).toEqual([
        { ...state, own: { total: 0, spent: 0 } },
      ]);
      expect(await store.read('org_b', windows, one.id)).toEqual([]);
    });

    const rate = (fields: Partial<RateAsk>): RateAsk => ({
      allowance: newName(),
      organizationId: 'org_a',
      perSecond: 1,
      burst: 10,
      back: 0,
      need: 0,
      want: 0,
      ...fields,
    });

    it('of a second let a burst through, then their pace, and take back what is not used', async () => {
      const allowance = newName();
      const take = async (fields: Partial<RateAsk>) =>
        (await store.takeRates([rate({ allowance, ...fields })]))[0];
      const first = await take({ need: 7 });
      expect(first).toMatchObject({ granted: 7, left: 3, nextInMs: 0 });
      expect(await take({ need: 2, want: 9 })).toMatchObject({ granted: 3, left: 0 });
      const closed = await take({ need: 1 });
      expect(closed).toMatchObject({ granted: 0, left: 0 });
      expect(closed?.nextInMs).toBeGreaterThan(0);
      expect(closed?.nextInMs).toBeLessThanOrEqual(1_000);
      expect(await take({ back: 4, need: 9 })).toMatchObject({ granted: 4 });
      await sleep(1_050);
      expect(await take({ need: 9 })).toMatchObject({ granted: 1 });
    });

    it('of a second are shown to their organization, by what is not made good yet', async () => {
      const allowance = newName();
      expect((await store.readRates('org_a', [allowance])).size).toBe(0);
      await store.takeRates([rate({ allowance, need: 5 })]);
      const ahead = (await store.readRates('org_a', [allowance])).get(allowance);
      expect(ahead).toBeGreaterThan(4_000);
      expect(ahead).toBeLessThanOrEqual(5_000);
      expect((await store.readRates('org_b', [allowance])).size).toBe(0);
    });
  });
});

describe.skipIf(WITHOUT_REDIS !== null)(
  WITHOUT_REDIS === null ? 'both stores' : `both stores (skipped: ${WITHOUT_REDIS})`,
  () => {
    let both: Backing[];
    beforeAll(async () => {
      both = await Promise.all([postgresBacking(), redisBacking()]);
    });
    afterAll(() => Promise.all(both.map((one) => one.stop())));

    const amounts = fc.oneof(
      fc.integer({ min: 0, max: 120 }),
      fc.integer({ min: 0, max: 2 ** 52 }),
    );
    const step = fc.record({
      holder: fc.constantFrom('a', 'b', 'c'),
      skipsFence: fc.boolean(),
      recovers: fc.option(fc.option(amounts, { nil: null }), { nil: undefined, freq: 9 }),
      asks: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom('x', 'y'),
          isBefore: fc.boolean(),
          limit: fc.constantFrom(0, 7, 100, 2 ** 53 - 1),
          hasDebt: fc.boolean(),
          keep: fc.option(amounts, { nil: null }),
          spent: amounts,
          need: amounts,
          want: amounts,
          alertAt: fc.option(fc.integer({ min: 1, max: 100 }), { nil: null }),
        }),
        // Of one statement PostgreSQL does not see in one window what it changes in the window before.
        { minLength: 1, maxLength: 2, selector: ({ name }) => name },
      ),
    });
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

    /** What a store answers to all steps, and what it shows at the end. */
    async function run(store: AllowanceStore, prefix: string, steps: readonly Step[]) {
      const answers: unknown[] = [];
      let fence = 0;
      for (const { holder, skipsFence, recovers, asks } of steps) {
        if (!skipsFence) fence++;
        const who = { id: `${prefix}${holder}`, fence };
        const allowance = (name: string): string => `${prefix}:${name}`;
        if (recovers !== undefined) {
          const used =
            recovers === null
              ? null
              : [{ allowance: allowance('x'), startsAt: WINDOW.startsAt, used: recovers }];
          await store.recover({ id: who.id, fence: ++fence }, used);
          continue;
        }
        answers.push(
          await store.exchange(
            who,
            asks.map(({ name, isBefore, hasDebt, ...fields }) =>
              ask({
                ...fields,
                allowance: allowance(name),
                window: isBefore ? WINDOW_BEFORE : WINDOW,
                debtFrom: hasDebt && !isBefore ? WINDOW_BEFORE.startsAt : null,
              }),
            ),
          ),
        );
      }
      const windows = ['x', 'y'].flatMap((name) =>
        [WINDOW, WINDOW_BEFORE].map(({ startsAt }) => ({
          allowance: `${prefix}:${name}`,
          startsAt,
        })),
      );
      const states = await store.read('org_a', windows, `${prefix}a`);
      const byName = (state: object): string => JSON.stringify(state);
      return { answers, states: states.map(byName).sort() };
    }

    it('answer the same to the same, whatever it is', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          const prefix = randomBytes(6).toString('hex');
          const [postgres, redis] = await Promise.all(
            both.map(({ store }) => run(store, prefix, steps)),
          );
          expect(redis).toEqual(postgres);
        }),
        { numRuns: 150 },
      );
    });
  },
);
