/** Credit is never overdrawn, over processes and crashes: the upstream's own count of what it served is the judge. */
import { expect, it } from 'vitest';

import type { GatewayProcess } from '../support/gateway-process.js';
import { CountingUpstream, keyWith, race, startGateways } from './limited.harness.js';
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

/** @returns how many of 200 calls at once were served, after each grant of 1.00 USD */
async function grantRounds(rounds: number, build?: string): Promise<number[]> {
  const upstream = await CountingUpstream.start(20);
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
  await upstream.stop();
  return served;
}

it('a credit of 1.00 USD serves exactly 20 of 200 calls of 0.05 at once over 3 processes, 5 times', async () => {
  const served = await grantRounds(5);
  proof.figures.push(`served of a credit for ${PAID} calls: ${served.join(' ')}`);
  expect(served).toEqual(served.map(() => PAID));
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
  const served = await grantRounds(1, await makePatchedBuild(patch));
  proof.figures.push(`served by a build that is naive: ${served.join(' ')}`);
  expect(Math.max(...served)).toBeGreaterThan(PAID);
});
