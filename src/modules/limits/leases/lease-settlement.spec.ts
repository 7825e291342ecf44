import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Allowance } from '../domain/allowance.js';
import { Lease } from './lease.js';

const WINDOW = { startsAt: 0, endsAt: 60_000 };
const MOST = Number.MAX_SAFE_INTEGER;

function budget(limit: number): Allowance {
  return {
    organizationId: 'org_a',
    subject: 'key',
    subjectId: 'key_a',
    metric: 'cost',
    window: 'day',
    limit,
    burst: null,
    model: null,
    alertThreshold: null,
  };
}

/** Grants what is left, and knows what the holder says of itself: one holder has all of the allowance. */
function exchange(lease: Lease, now: number): void {
  const { limit } = lease.allowance;
  lease.beforeExchange();
  const { spent, granted: kept } = lease;
  const { need, want } = lease.demand(now);
  const rest = limit - kept;
  const granted =
    rest >= need ? need + Math.min(want, Math.floor((rest - need) / 2)) : Math.max(0, rest);
  const answer = {
    kept,
    granted,
    total: kept + granted,
    spent,
    holders: 1,
    funded: null,
    othersWaitingMs: null,
    reached: null,
  };
  lease.afterExchange(answer, { need, spent, now });
}

const amount = fc.oneof(fc.nat(100), fc.nat(10_000), fc.maxSafeNat());
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ reserve: amount }) },
  { weight: 3, arbitrary: fc.record({ end: fc.nat(), used: fc.oneof(amount, fc.constant(MOST)) }) },
  { weight: 2, arbitrary: fc.constant('exchange' as const) },
  { weight: 1, arbitrary: fc.constant('give back' as const) },
);

it('whatever calls reserve and then use, what is left is neither negative nor more than it was', () => {
  fc.assert(
    fc.property(amount, fc.array(step, { maxLength: 40 }), (limit, steps) => {
      const lease = new Lease(budget(limit), WINDOW);
      const inFlight: number[] = [];
      let used = 0;
      let now = 1_000;
      exchange(lease, now);
      for (const taken of steps) {
        now += 100;
        const leftOfLimit = limit - lease.spent;
        if (taken === 'exchange') exchange(lease, now);
        else if (taken === 'give back') lease.giveBack();
        else if ('reserve' in taken) {
          lease.waitingFor = taken.reserve;
          exchange(lease, now);
          lease.waitingFor = 0;
          // As the limiter does: only what fits goes out.
          if (lease.idle < taken.reserve) continue;
          lease.reserve(taken.reserve, now);
          inFlight.push(taken.reserve);
          // What takes nothing goes out also where more was used than there is.
          if (taken.reserve > 0) expect(lease.spent + lease.reserved).toBeLessThanOrEqual(limit);
        } else if (inFlight.length > 0) {
          const [reserved] = inFlight.splice(taken.end % inFlight.length, 1);
          lease.settle(reserved!, taken.used);
          used = Math.min(MOST, used + taken.used);
        }
        expect(lease.spent).toBe(used);
        expect(lease.reserved).toBe(inFlight.reduce((sum, each) => sum + each, 0));
        expect(lease.remaining).toBeGreaterThanOrEqual(0);
        expect(lease.remaining).toBeLessThanOrEqual(Math.max(0, limit - lease.spent));
        expect(limit - lease.spent).toBeLessThanOrEqual(leftOfLimit);
        const { used: shown, reserved, remaining } = lease.state;
        for (const usd of [shown, reserved, remaining]) {
          expect(usd).toBeGreaterThanOrEqual(0);
          expect(usd).toBeLessThanOrEqual(Math.ceil(MOST / 1e9));
        }
      }
    }),
    // Fewer once found nothing where 50 of another seed did.
    { numRuns: 2_000 },
  );
});

it('is asked for again at once when what was granted, too little for one call, went back', () => {
  const lease = new Lease(budget(10), WINDOW);
  lease.waitingFor = 15;
  exchange(lease, 1_000);
  lease.waitingFor = 0;
  expect([lease.idle, lease.closedUntil > 1_000]).toEqual([10, true]);
  lease.giveBack();
  expect([lease.idle, lease.closedUntil]).toEqual([0, 0]);
});
