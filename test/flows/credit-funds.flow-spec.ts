/** Credit: an allowance whose limit is what was paid in, on a real PostgreSQL. */
import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { SystemClock } from '#common/time/clock.js';
import { allowanceId, creditOf } from '#modules/limits/domain/allowance.js';
import { windowAt } from '#modules/limits/domain/windows.js';
import type { AllowanceStore, LeaseAnswer } from '#modules/limits/store/allowance-store.port.js';
import { PostgresAllowanceStore } from '#modules/limits/store/postgres.allowance-store.js';
import { PostgresCreditFunds } from '#modules/limits/store/postgres.credit-funds.js';
import { dataSourceOptions } from '#platform/database/data-source.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { ask } from './allowance-stores.harness.js';

let database: TestDatabase;
let source: DataSource;
let transactions: TransactionRunner;
let store: AllowanceStore;
let funds: PostgresCreditFunds;
beforeAll(async () => {
  database = await createTestDatabase();
  source = await new DataSource(dataSourceOptions(new Secret(database.url))).initialize();
  transactions = new TransactionRunner(source);
  store = new PostgresAllowanceStore(transactions, new SystemClock());
  funds = new PostgresCreditFunds(transactions);
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

/** A promise, and what keeps it. */
function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((keep) => (resolve = keep));
  return { promise, resolve };
}

const newOrganization = (): string => `org_${randomBytes(6).toString('hex')}`;

/** As the ledger does when something is granted. */
async function payIn(organizationId: string, nanos: bigint): Promise<void> {
  await transactions.sql('SELECT fund_credit($1, $2)', [organizationId, nanos.toString()]);
}

/** As the ledger does when something expires: at most what is free. */
function takeBack(organizationId: string, atMost: bigint): Promise<bigint> {
  return transactions.run(async () => {
    const free = await funds.lockFreeOf(organizationId);
    const taken = free < atMost ? free : atMost;
    if (taken > 0n) await payIn(organizationId, -taken);
    return taken;
  });
}

/** An instance that takes of an organization's credit. */
class Taker {
  readonly #id = `holder_${randomBytes(6).toString('hex')}`;
  #fence = 0;
  #held = 0;

  constructor(private readonly organizationId: string) {}

  async needs(need: number): Promise<LeaseAnswer> {
    const credit = creditOf(this.organizationId);
    const { organizationId, limit } = credit;
    const window = windowAt(credit, Date.now());
    const [answer] = await store.exchange({ id: this.#id, fence: ++this.#fence }, [
      ask({
        allowance: allowanceId(credit),
        organizationId,
        window,
        limit,
        need,
        keep: this.#held,
        spent: this.#held,
      }),
    ]);
    if (!answer) throw new Error('It was overtaken.');
    this.#held += answer.granted;
    return answer;
  }
}

describe('credit', () => {
  it('is nothing until somebody pays in, and then just that', async () => {
    const organizationId = newOrganization();
    const taker = new Taker(organizationId);
    expect(await taker.needs(1)).toMatchObject({ granted: 0, funded: null });
    expect(await funds.freeOf(organizationId)).toBe(0n);
    await payIn(organizationId, 100n);
    expect(await taker.needs(30)).toMatchObject({ granted: 30, funded: 100, total: 30 });
    await payIn(organizationId, 11n);
    expect(await taker.needs(100)).toMatchObject({ granted: 81, funded: 111, total: 111 });
    expect(await funds.freeOf(organizationId)).toBe(0n);
  });

  it('is each organization’s own', async () => {
    const [one, other] = [newOrganization(), newOrganization()];
    await payIn(one, 5n);
    expect(await new Taker(other).needs(1)).toMatchObject({ granted: 0 });
    expect(await takeBack(other, 5n)).toBe(0n);
    expect(await funds.freeOf(one)).toBe(5n);
  });

  it('is taken back only as far as nobody uses or holds it', async () => {
    const organizationId = newOrganization();
    await payIn(organizationId, 100n);
    await new Taker(organizationId).needs(60);
    expect(await takeBack(organizationId, 15n)).toBe(15n);
    expect(await takeBack(organizationId, 100n)).toBe(25n);
    expect(await takeBack(organizationId, 100n)).toBe(0n);
    expect(await funds.freeOf(organizationId)).toBe(0n);
  });

  it('tells somebody once when nine tenths are used, once at its end, and again after a payment', async () => {
    const organizationId = newOrganization();
    await payIn(organizationId, 100n);
    const taker = new Taker(organizationId);
    expect(await taker.needs(89)).toMatchObject({ reached: null });
    expect(await taker.needs(1)).toMatchObject({ reached: 'threshold' });
    expect(await taker.needs(1)).toMatchObject({ reached: null });
    expect(await taker.needs(50)).toMatchObject({ reached: 'limit' });
    await payIn(organizationId, 1n);
    expect(await taker.needs(1)).toMatchObject({ reached: 'limit' });
  });

  it('is never granted beyond what is there, while some take, some pay in and some take back', async () => {
    const organizationId = newOrganization();
    await payIn(organizationId, 1_000n);
    const takers = Array.from({ length: 4 }, () => new Taker(organizationId));
    let paidIn = 1_000n;
    let takenBack = 0n;
    const steps = Array.from({ length: 60 }, async (_, at) => {
      const taker = takers[at % 4]!;
      if (at % 5 === 0) {
        paidIn += 40n;
        await payIn(organizationId, 40n);
      } else if (at % 5 === 1) {
        const taken = await takeBack(organizationId, 90n);
        takenBack += taken;
      } else await taker.needs(37);
    });
    await Promise.allSettled(steps);
    const [row] = await transactions.sql<{ funded: string; total: string }>(
      'SELECT funded, total FROM allowance_windows WHERE organization_id = $1',
      [organizationId],
    );
    expect(row?.funded).toBe(String(paidIn - takenBack));
    expect(Number(row?.total)).toBeLessThanOrEqual(Number(row?.funded));
    expect(takenBack).toBeGreaterThan(0n);
  });

  it('waits for whoever takes back to end, and does not see what is undone', async () => {
    const organizationId = newOrganization();
    await payIn(organizationId, 10n);
    const taker = new Taker(organizationId);
    const hasTaken = signal();
    const isAsking = signal();
    const undone = transactions.run(async () => {
      expect(await takeBack(organizationId, 10n)).toBe(10n);
      hasTaken.resolve();
      await isAsking.promise;
      throw new Error('undone');
    });
    await hasTaken.promise;
    // It has the row's lock, so this waits.
    const granted = new Taker(organizationId).needs(10);
    isAsking.resolve();
    await expect(undone).rejects.toThrow('undone');
    expect(await granted).toMatchObject({ granted: 10 });
    expect(await taker.needs(1)).toMatchObject({ granted: 0 });
  });
});
