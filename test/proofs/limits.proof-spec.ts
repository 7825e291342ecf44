/** Limits hold over processes, crashes and concurrency: the upstream's own count of what it served is the judge. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';

import { GatewayProcess } from '../support/gateway-process.js';
import { type OwnRedis, startOwnRedis, WITHOUT_OWN_REDIS } from '../support/redis.js';
import { KILLS } from './kills.harness.js';
import {
  callOnce as call,
  CountingUpstream,
  keyWith,
  race,
  startGateways,
} from './limited.harness.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

/** USD for a million output tokens: a call costs 0.05. */
const PRICE = '1000';
const BUDGET = { rate_limits: { costs: { per_day_max: '1.00' } } };
/** Calls that fit into the budget. */
const FITTING = 20;
/** Calls in flight when their process is killed. */
const CUT = 12;

const proof = setUpProof();
const start = (count: number, build?: string, redisUrl?: string) =>
  startGateways(
    count,
    { databaseUrl: proof.databaseUrl, ...(redisUrl !== undefined && { redisUrl }) },
    build,
  );

/** Both ways of keeping what is short-lived. */
const SET_UPS = [
  { setUp: 'PostgreSQL alone', isWithRedis: false },
  { setUp: 'Redis', isWithRedis: true },
].filter(({ isWithRedis }) => !isWithRedis || WITHOUT_OWN_REDIS === null);

async function redisFor(isWithRedis: boolean): Promise<OwnRedis | null> {
  if (!isWithRedis) return null;
  const redis = await startOwnRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

/** All of it within one window of the calendar. */
async function untilMostOfAMinuteIsLeft(neededMs: number): Promise<void> {
  const leftMs = 60_000 - (Date.now() % 60_000);
  if (leftMs < neededMs) await sleep(leftMs + 50);
}

async function budgetRounds(rounds: number, build?: string): Promise<number[]> {
  const upstream = await CountingUpstream.start(20);
  const gateways = await start(3, build);
  await upstream.openOn(gateways[0], PRICE);
  const admitted: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = upstream.served;
    const key = await keyWith(gateways[0], BUDGET);
    const answered = await race(gateways, key, 200);
    expect(upstream.served - before).toBe(answered);
    admitted.push(answered);
  }
  await upstream.stop();
  return admitted;
}

it('a budget for 20 calls admits exactly 20 of 200 at once over 3 processes, 20 times', async () => {
  const admitted = await budgetRounds(20);
  proof.figures.push(`admitted of a budget for ${FITTING}: ${admitted.join(' ')}`);
  expect(admitted).toEqual(admitted.map(() => FITTING));
});

it.each<[string, Patch]>([
  [
    'counts a call only after it was checked',
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
])('a build that %s is seen to overspend', async (_, patch) => {
  const admitted = await budgetRounds(2, await makePatchedBuild(patch));
  proof.figures.push(`admitted by a build that is naive: ${admitted.join(' ')}`);
  expect(Math.max(...admitted)).toBeGreaterThan(FITTING);
});

/** Two keys of one team, called at once over all processes: how many calls its budget for 20 lets through. */
async function teamRounds(
  rounds: number,
  { build, redisUrl }: { build?: string; redisUrl?: string | undefined } = {},
): Promise<number[]> {
  const upstream = await CountingUpstream.start(20);
  const gateways = await start(3, build, redisUrl);
  await upstream.openOn(gateways[0], PRICE);
  const admitted: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = upstream.served;
    const keys = await keysOfTeam(gateways[0], `team ${randomUUID()}`);
    // Until all have heard of the budget.
    await sleep(1_000);
    const answered = await Promise.all(keys.map((key) => race(gateways, key, 100)));
    const sum = answered.reduce((total, count) => total + count, 0);
    expect(upstream.served - before).toBe(sum);
    admitted.push(sum);
  }
  await upstream.stop();
  return admitted;
}

async function keysOfTeam(gateway: GatewayProcess, name: string): Promise<string[]> {
  const team = await gateway.call('POST', '/v1/teams', { name });
  const { id: scope_id } = team.body as { id: string };
  const budget = { scope: 'team', scope_id, window: 'monthly', limit: 1 };
  expect((await gateway.call('PUT', '/v1/budgets', budget)).status).toBe(200);
  const scope = { team_id: scope_id };
  return [await keyWith(gateway, { scope }), await keyWith(gateway, { scope })];
}

it.each(SET_UPS)(
  'a team’s budget for 20 calls admits exactly 20 of 200 at once, of two keys over 3 processes, 3 times ($setUp)',
  async ({ setUp, isWithRedis }) => {
    const redis = await redisFor(isWithRedis);
    const admitted = await teamRounds(3, { redisUrl: redis?.url });
    proof.figures.push(
      `admitted of a team’s budget for ${FITTING} (${setUp}): ${admitted.join(' ')}`,
    );
    expect(admitted).toEqual(admitted.map(() => FITTING));
  },
);

it('a build that counts a team’s budget for each of its keys is seen to overspend', async () => {
  const build = await makePatchedBuild({
    file: 'modules/limits/budgets/domain/organization-budgets.js',
    find: 'subjects.flatMap((id) => bySubject.get(id) ?? [])',
    replace:
      'subjects.flatMap((id) => (bySubject.get(id) ?? []).map((one) => ({ ...one, subjectId: keyId })))',
  });
  const admitted = await teamRounds(1, { build });
  proof.figures.push(`admitted of a team’s budget by a build that is naive: ${admitted.join(' ')}`);
  expect(Math.max(...admitted)).toBeGreaterThan(FITTING);
});

it('after kill -9 nothing is overspent, and what was not used is available within 30 s of a restart', async () => {
  const upstream = await CountingUpstream.start(40);
  const [first, witness] = (await start(2)) as [GatewayProcess, GatewayProcess];
  let victim = first;
  await upstream.openOn(witness, PRICE);
  const waits: number[] = [];
  const lost: number[] = [];
  for (let round = 0; round < KILLS; round++) {
    const before = upstream.served;
    const key = await keyWith(witness, BUDGET);
    const calls = Array.from({ length: CUT }, () => call(victim, key));
    await sleep(10 + 5 * round);
    await victim.end('SIGKILL');
    await Promise.all(calls);
    victim = await GatewayProcess.start(victim.installation, { dataFolder: victim.dataFolder });
    const reached = upstream.served - before;
    const restartedAt = performance.now();
    let refusedInARow = 0;
    let lastAdmittedAt = restartedAt;
    while (refusedInARow < 20) {
      if ((await call(witness, key)) === 200) {
        refusedInARow = 0;
        lastAdmittedAt = performance.now();
      } else {
        refusedInARow++;
        await sleep(75);
      }
    }
    waits.push(Math.round(lastAdmittedAt - restartedAt));
    const served = upstream.served - before;
    expect(served).toBeLessThanOrEqual(FITTING);
    // A call that was let out and did not arrive is paid for too: nobody can know.
    expect(served).toBeGreaterThanOrEqual(FITTING - (CUT - reached));
    expect(await call(victim, key)).toBe(429);
    lost.push(FITTING - served);
  }
  expect(Math.max(...waits)).toBeLessThan(30_000);
  proof.figures.push(`calls cut off before they reached the provider: ${lost.join(' ')}`);
  proof.figures.push(`all of the budget used, so many ms after a restart: ${waits.join(' ')}`);
  await upstream.stop();
});

it('5 parallel requests are never 6, over 2 processes, and come back after a kill', async () => {
  const upstream = await CountingUpstream.start(150);
  const [one, two] = (await start(2)) as [GatewayProcess, GatewayProcess];
  await upstream.openOn(one, PRICE);
  const key = await keyWith(one, {
    rate_limits: { concurrency: { max_parallel_requests: 5, max_queued_requests: 100 } },
  });
  const statuses = await Promise.all(
    Array.from({ length: 50 }, (_, at) => call(at % 2 === 0 ? one : two, key)),
  );
  expect(statuses).toEqual(statuses.map(() => 200));
  expect(upstream.most).toBe(5);
  upstream.delayMs = 10_000;
  const running = Array.from({ length: 5 }, () => call(two, key));
  await vi.waitFor(() => expect(upstream.running).toBe(5), 10_000);
  await two.end('SIGKILL');
  upstream.delayMs = 150;
  await Promise.all(running);
  const killedAt = performance.now();
  const again = await Promise.all(Array.from({ length: 5 }, () => call(one, key)));
  const waited = Math.round(performance.now() - killedAt);
  proof.figures.push(`places of a killed process free again after ${waited} ms`);
  expect(again).toEqual(again.map(() => 200));
  expect(upstream.most).toBe(5);
  // Until then nobody can know whether its calls still run.
  expect(waited).toBeGreaterThan(5_000);
  expect(waited).toBeLessThan(35_000);
  await upstream.stop();
});

it.each(SET_UPS)(
  '100 requests a minute from 3 processes are never more, and hardly less; from one, exactly 100 ($setUp)',
  async ({ setUp, isWithRedis }) => {
    const redis = await redisFor(isWithRedis);
    const upstream = await CountingUpstream.start(5);
    const gateways = await start(3, undefined, redis?.url);
    await upstream.openOn(gateways[0], PRICE);
    const limit = { rate_limits: { requests: { per_minute: 100 } } };
    await untilMostOfAMinuteIsLeft(20_000);
    const shared = await keyWith(gateways[0], limit);
    let admitted = 0;
    for (let round = 0; round < 30; round++) {
      admitted += await race(gateways, shared, 20);
      await sleep(150);
    }
    const alone = await keyWith(gateways[0], limit);
    let single = 0;
    for (let round = 0; round < 15; round++) single += await race([gateways[0]], alone, 10);
    proof.figures.push(
      `of 100 a minute (${setUp}): ${admitted} over three processes, ${single} from one`,
    );
    expect(admitted).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThanOrEqual(97);
    expect(single).toBe(100);
    await upstream.stop();
  },
);

it.skipIf(WITHOUT_OWN_REDIS !== null)(
  'after kill -9 what is used of a minute in Redis stays used, and what was not is available again',
  async () => {
    const redis = await redisFor(true);
    const upstream = await CountingUpstream.start(40);
    const [first, witness] = (await start(2, undefined, redis?.url)) as [
      GatewayProcess,
      GatewayProcess,
    ];
    let victim = first;
    await upstream.openOn(witness, PRICE);
    await untilMostOfAMinuteIsLeft(25_000);
    for (let round = 0; round < 2; round++) {
      const before = upstream.served;
      const key = await keyWith(witness, { rate_limits: { requests: { per_minute: FITTING } } });
      const calls = Array.from({ length: CUT }, () => call(victim, key));
      await sleep(20 + 30 * round);
      await victim.end('SIGKILL');
      await Promise.all(calls);
      const reached = upstream.served - before;
      victim = await GatewayProcess.start(victim.installation, { dataFolder: victim.dataFolder });
      for (let turn = 0; turn < 12; turn++) await race([witness], key, 3);
      const served = upstream.served - before;
      proof.figures.push(`of ${FITTING} a minute in Redis, over a kill: ${served}`);
      expect(served).toBeLessThanOrEqual(FITTING);
      expect(served).toBeGreaterThanOrEqual(FITTING - (CUT - reached));
    }
    await upstream.stop();
  },
);

it.skipIf(WITHOUT_OWN_REDIS !== null)(
  'a build that does not look whether Redis was emptied is seen to grant a minute twice',
  async () => {
    const build = await makePatchedBuild({
      file: 'modules/limits/store/redis-scripts.js',
      find: '~= ARGV[1] then return false end',
      replace: "== '' then return false end",
    });
    const redis = await redisFor(true);
    const upstream = await CountingUpstream.start(5);
    const gateways = await start(2, build, redis?.url);
    await upstream.openOn(gateways[0], PRICE);
    await untilMostOfAMinuteIsLeft(10_000);
    const key = await keyWith(gateways[0], { rate_limits: { requests: { per_minute: 100 } } });
    let admitted = await race(gateways, key, 80);
    await redis?.command('FLUSHALL');
    admitted += await race(gateways, key, 200);
    proof.figures.push(`of 100 a minute, Redis emptied, by a build that is naive: ${admitted}`);
    expect(admitted).toBeGreaterThan(100);
    await upstream.stop();
  },
);
