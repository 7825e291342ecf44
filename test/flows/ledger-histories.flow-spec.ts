import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { verifyLedger } from '#modules/billing/index.js';

import { LedgerHarness } from './ledger.harness.js';
import {
  drainAll,
  openStorage,
  SpoolHarness,
  type Storage,
  tenant,
} from './usage-spool.harness.js';

let ledger: LedgerHarness;
let spools: SpoolHarness;
let storage: Storage;
beforeAll(async () => {
  ledger = await LedgerHarness.start();
  spools = await SpoolHarness.start();
  storage = await openStorage(ledger.url);
});
afterAll(async () => {
  await storage.dataSource.destroy();
  await spools.stop();
  await ledger.stop();
});

type Step =
  | { readonly do: 'grant'; readonly nanos: number; readonly hours: number | null }
  | { readonly do: 'use'; readonly costs: readonly number[]; readonly replays: boolean }
  | { readonly do: 'hold'; readonly nanos: number }
  | { readonly do: 'end'; readonly kind: 'hold_posted' | 'hold_voided' | 'hold_expired' }
  | { readonly do: 'refund'; readonly nanos: number };

const nanos = fc.integer({ min: 1, max: 1_000 });
const steps: fc.Arbitrary<Step[][]> = fc.array(
  fc.array(
    fc.oneof(
      fc.record({
        do: fc.constant('grant' as const),
        nanos,
        hours: fc.option(fc.integer({ min: -2, max: 2 })),
      }),
      fc.record({
        do: fc.constant('use' as const),
        costs: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 5 }),
        replays: fc.boolean(),
      }),
      fc.record({ do: fc.constant('hold' as const), nanos }),
      fc.record({
        do: fc.constant('end' as const),
        kind: fc.constantFrom('hold_posted', 'hold_voided', 'hold_expired' as const),
      }),
      fc.record({ do: fc.constant('refund' as const), nanos }),
    ),
    { maxLength: 4 },
  ),
  { minLength: 2, maxLength: 5 },
);

/** What the ledger refuses changes nothing; any other error is one. */
async function orRefused<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (String(error).includes('_check"')) return null;
    throw error;
  }
}

class History {
  readonly #grants: string[] = [];
  readonly #holds: string[] = [];

  constructor(private readonly customer: ReturnType<typeof tenant>) {}

  async take(step: Step): Promise<void> {
    const { organizationId } = this.customer;
    const facts = { idempotencyKey: randomUUID(), cause: 'spec', effectiveAt: new Date() };
    const [grantId] = this.#grants;
    if (step.do === 'grant') {
      const expiresAt = step.hours === null ? null : new Date(Date.now() + step.hours * 3_600_000);
      this.#grants.push(await ledger.grant(organizationId, BigInt(step.nanos), { expiresAt }));
    } else if (step.do === 'use') {
      await this.#use(step.costs, step.replays);
    } else if (step.do === 'end') {
      const [holdId] = this.#holds;
      const end = { ...facts, kind: step.kind };
      if (holdId !== undefined) await ledger.endHold(organizationId, holdId, end);
    } else if (grantId !== undefined) {
      const amount = { ...facts, amountNanos: BigInt(step.nanos), grantId };
      const isHold = step.do === 'hold';
      const made = ledger.repository.transfer(organizationId, {
        ...amount,
        kind: isHold ? 'hold' : 'correction',
        debit: isHold ? 'prepaid_credit' : 'revenue',
        credit: isHold ? 'holds' : 'prepaid_credit',
      });
      const id = await orRefused(made);
      if (isHold && id !== null) this.#holds.push(id);
    }
  }

  async #use(costs: readonly number[], replays: boolean): Promise<void> {
    const dataDir = spools.newDirectory();
    const writer = spools.openWriter(dataDir);
    for (const cost of costs) writer.append(this.customer.record({ costNanos: BigInt(cost) }));
    const drains = Array.from({ length: replays ? 2 : 1 }, () =>
      drainAll(spools.drainOf(dataDir, writer, storage)),
    );
    await Promise.all(drains);
    if (!replays) return;
    await ledger.admin.query('UPDATE usage_spool_positions SET segment = 0, position = 0');
    await drainAll(spools.drainOf(dataDir, writer, storage));
  }
}

describe('whatever happens to an organization', () => {
  it('all sums agree', async () => {
    const property = fc.asyncProperty(steps, async (rounds) => {
      const customer = tenant();
      await ledger.admin.query('INSERT INTO organizations (id, name) VALUES ($1, $1)', [
        customer.organizationId,
      ]);
      const history = new History(customer);
      for (const round of rounds) await Promise.all(round.map((step) => history.take(step)));
      expect(await verifyLedger(new Secret(ledger.url))).toEqual([]);
    });
    await fc.assert(property, { numRuns: 12 });
  });
});
