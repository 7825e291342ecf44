/**
 * The public yardstick for spend caps (docs/proofs/spend-cap.md): a cap of 0.002 USD, three processes, 30 requests in turn,
 * then 1,000 at once, with the store healthy, paused in the middle and paused at the start.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { GatewayProcess } from '../support/gateway-process.js';
import { startOwnRedis, WITHOUT_OWN_REDIS } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { callOnce, CountingUpstream, keyWith, race, startGateways } from './limited.harness.js';
import { setUpProof } from './proof.harness.js';

/** USD for a million output tokens: a call costs 0.0006, so three fit. */
const PRICE = '12';
const COST = 0.0006;
const CAP = 0.002;
const POLICY = { rate_limits: { costs: { per_day_max: String(CAP) } } };

const proof = setUpProof();
let wire: TcpProxy;
let upstream: CountingUpstream;
beforeEach(async () => {
  wire = await startTcpProxy(proof.databaseUrl);
  upstream = await CountingUpstream.start(10);
});
afterEach(async () => {
  wire.restore();
  await upstream.stop();
  await wire.stop();
});

/** What was spent of the cap, by the provider's own count, as a multiple of it. */
function spent(before: number): number {
  return ((upstream.served - before) * COST) / CAP;
}

async function inTurn(gateways: readonly GatewayProcess[], key: string, calls: number) {
  const statuses: number[] = [];
  for (let at = 0; at < calls; at++) {
    statuses.push(await callOnce(gateways[at % gateways.length]!, key));
  }
  return statuses;
}

/** It serves nothing before it has its stores: it waits, or it ends and is started again. */
async function readyOrStartedAgain(early: GatewayProcess): Promise<GatewayProcess> {
  const late = await Promise.race([
    early.ready().then(() => early),
    early.ended.then(() => null),
  ]).catch(() => null);
  return late ?? (await GatewayProcess.start(early.installation));
}

it('is never exceeded while the store is well', async () => {
  const gateways = await startGateways(3, { databaseUrl: wire.url });
  await upstream.openOn(gateways[0], PRICE);
  const before = upstream.served;
  const key = await keyWith(gateways[0], POLICY);
  expect((await inTurn(gateways, key, 30)).filter((status) => status === 200)).toHaveLength(3);
  expect(await race(gateways, key, 1_000)).toBe(0);
  const first = spent(before);
  const between = upstream.served;
  expect(await race(gateways, await keyWith(gateways[0], POLICY), 1_000)).toBe(3);
  proof.figures.push(
    `store well: ${first.toFixed(2)} of the cap in turn, ${spent(between).toFixed(2)} at once`,
  );
  expect(first).toBeLessThanOrEqual(1);
});

it('is never exceeded when the store is paused in the middle, and calls are served again soon after', async () => {
  const gateways = await startGateways(3, { databaseUrl: wire.url });
  await upstream.openOn(gateways[0], PRICE);
  const before = upstream.served;
  const key = await keyWith(gateways[0], POLICY);
  expect(await inTurn(gateways, key, 2)).toEqual([200, 200]);
  wire.swallow();
  const paused = await Promise.all(
    Array.from({ length: 300 }, (_, at) => callOnce(gateways[at % 3]!, key)),
  );
  expect(new Set(paused)).toEqual(new Set([503]));
  wire.restore();
  const restoredAt = performance.now();
  while (upstream.served - before < 3 && performance.now() - restoredAt < 20_000) {
    await inTurn(gateways, key, 3);
    await sleep(50);
  }
  const backMs = Math.round(performance.now() - restoredAt);
  await inTurn(gateways, key, 25);
  proof.figures.push(
    `store paused in the middle: ${spent(before).toFixed(2)} of the cap, served again after ${backMs} ms`,
  );
  expect(spent(before)).toBeLessThanOrEqual(1);
  expect(upstream.served - before).toBe(3);
});

it('is never exceeded when the store is paused while an instance starts', async () => {
  const [first] = await startGateways(1, { databaseUrl: wire.url });
  await upstream.openOn(first, PRICE);
  const before = upstream.served;
  const key = await keyWith(first, POLICY);
  expect(await callOnce(first, key)).toBe(200);
  wire.swallow();
  const early = new GatewayProcess(first.installation);
  await sleep(3_000);
  wire.restore();
  const second = await readyOrStartedAgain(early);
  const third = await GatewayProcess.start(first.installation);
  const gateways = [first, second, third];
  await inTurn(gateways, key, 30);
  await race(gateways, key, 999);
  proof.figures.push(`store paused at a start: ${spent(before).toFixed(2)} of the cap`);
  expect(spent(before)).toBeLessThanOrEqual(1);
  expect(upstream.served - before).toBe(3);
});

it.skipIf(WITHOUT_OWN_REDIS !== null)(
  'is never exceeded whatever becomes of a Redis beside the store, and calls go on',
  async () => {
    const redis = await startOwnRedis();
    const toRedis = await startTcpProxy(redis.url);
    const gateways = await startGateways(2, { databaseUrl: wire.url, redisUrl: toRedis.url });
    const [first] = gateways;
    await upstream.openOn(first, PRICE);
    /** All calls that fit are served, soon, and no more. */
    const expectAllOfTheCap = async (when: string, happen: () => Promise<void>): Promise<void> => {
      const before = upstream.served;
      const key = await keyWith(first, POLICY);
      expect(await callOnce(first, key)).toBe(200);
      await happen();
      const startedAt = performance.now();
      while (upstream.served - before < 3 && performance.now() - startedAt < 5_000) {
        await inTurn(gateways, key, 3);
      }
      const servedMs = Math.round(performance.now() - startedAt);
      await race(gateways, key, 300);
      proof.figures.push(
        `Redis ${when}: ${spent(before).toFixed(2)} of the cap, all of it after ${servedMs} ms`,
      );
      expect(upstream.served - before).toBe(3);
      expect(servedMs).toBeLessThan(5_000);
    };
    await expectAllOfTheCap('paused in the middle', async () => {
      toRedis.swallow();
      await sleep(0);
    });
    toRedis.restore();
    await sleep(1_500);
    await expectAllOfTheCap('started again empty', async () => {
      await redis.kill();
      await redis.start();
    });
    await expectAllOfTheCap('paused at a start', async () => {
      toRedis.swallow();
      const early = new GatewayProcess(first.installation);
      await sleep(3_000);
      toRedis.restore();
      gateways.push(await readyOrStartedAgain(early));
    });
    await toRedis.stop();
    await redis.stop();
  },
);
