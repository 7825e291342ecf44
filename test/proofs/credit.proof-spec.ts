/** Credit is never overdrawn, over processes and crashes: the upstream's own count of what it served is the judge. */
import { expect, it, onTestFinished, vi } from 'vitest';

import type { GatewayProcess } from '../support/gateway-process.js';
import { callOnce, CountingUpstream, keyWith, race, startGateways } from './limited.harness.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

/** USD for a million output tokens: a call costs 0.05. */
const PRICE = '1000';
/** Calls that one grant of 1.00 USD pays for. */
const PAID = 20;

const proof = setUpProof();

async function grant(gateway: GatewayProcess, amount: string): Promise<void> {
  const granted = await gateway.call('POST', '/v1/credits/grants', { amount, reason: 'proof' });
  expect(granted.status).toBe(201);
}

type Race = {
  readonly served: number[];
  /** Makes one call. */
  readonly call: () => Promise<number>;
};

/** How many of 200 calls at once were served, after each grant of 1.00 USD to a new installation. */
async function grantRounds(rounds: number, build?: string): Promise<Race> {
  const upstream = await CountingUpstream.start(20);
  onTestFinished(() => upstream.stop());
  const env = { LATCHKEY_SIGNUP_CREDIT: '0' };
  const gateways = await startGateways(3, { databaseUrl: proof.databaseUrl, env }, build);
  await upstream.openOn(gateways[0], PRICE);
  const key = await keyWith(gateways[0], {});
  const served: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await grant(gateways[0], '1.00');
    const before = upstream.served;
    const answered = await race(gateways, key, 200, 402);
    expect(upstream.served - before).toBe(answered);
    served.push(answered);
  }
  return { served, call: () => callOnce(gateways[0], key) };
}

it.each([1, 2, 3])(
  'a credit of 1.00 USD serves exactly 20 of 200 calls of 0.05 at once over 3 processes (%i)',
  async () => {
    const { served } = await grantRounds(1);
    proof.figures.push(`served of a credit for ${PAID} calls: ${served.join(' ')}`);
    expect(served).toEqual([PAID]);
  },
);

it('what one race leaves in parts too small for a call is there for the next, to the last nano-dollar', async () => {
  const { served, call } = await grantRounds(5);
  for (let round = 1; round <= served.length; round++) {
    expect(sum(served.slice(0, round))).toBeLessThanOrEqual(round * PAID);
  }
  // What instances hold for calls that do not come goes back after a second.
  const isUsedUp = async () => {
    while ((await call()) === 200) served.push(1);
    expect(sum(served)).toBe(5 * PAID);
  };
  await vi.waitFor(isUsedUp, { timeout: 30_000, interval: 500 });
  proof.figures.push(`served of five such grants: ${served.join(' ')}`);
  expect(await call()).toBe(402);
});

it.each<[string, Patch]>([
  [
    'takes credit only once it was looked at',
    {
      file: 'modules/limits/leases/lease.js',
      find: 'this.reserved += amount;',
      replace: 'setTimeout(() => { this.reserved += amount; }, 10);',
    },
  ],
  [
    'does not look at what other processes were granted',
    {
      file: 'modules/limits/store/postgres.allowance-store.js',
      find: 'a.max - others.others - a.kept - others.older',
      replace: 'a.max - a.kept',
    },
  ],
])('a build that %s is seen to overdraw', async (_, patch) => {
  const { served } = await grantRounds(1, await makePatchedBuild(patch));
  proof.figures.push(`served by a build that is naive: ${served.join(' ')}`);
  expect(Math.max(...served)).toBeGreaterThan(PAID);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
