/** An old secret is refused by every instance: at once and within the promised time after an emergency, by the clock after grace. */
import { describe, expect, it } from 'vitest';

import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { Prober } from './prober.harness.js';
import { setUpProof } from './proof.harness.js';

const ROUNDS = 10;
/** Promised for the other instances. What is asserted is three times as much, for machines that are busy. */
const PROMISED_MS = 1_000;
const GRACE_MS = 2_000;

type Made = { readonly id: string; readonly key: string };

const proof = setUpProof();

const media = [
  { name: 'PostgreSQL', start: () => Promise.resolve(null), missing: null },
  { name: 'Redis', start: startRedis, missing: WITHOUT_REDIS },
];

async function newKey(gateway: GatewayProcess): Promise<Made> {
  const made = await gateway.call('POST', '/v1/keys', { name: 'rotated' });
  expect(made.status).toBe(201);
  return made.body as Made;
}

/** Answers the new secret, and when the rotation was acknowledged. */
async function rotate(gateway: GatewayProcess, id: string, graceMs: number) {
  const body = { grace_period_hours: graceMs / 3_600_000 };
  const rotated = await gateway.call('POST', `/v1/keys/${id}/rotate`, body);
  expect(rotated.status).toBe(200);
  return { next: (rotated.body as Made).key, at: performance.now() };
}

/** Uses a key on both instances, so that both have it cached, and rotates it through the first meanwhile. */
async function rotateUnderLoad(a: GatewayProcess, b: GatewayProcess, graceMs: number) {
  const { id, key } = await newKey(a);
  const [onA, onB] = [new Prober(a, key), new Prober(b, key)];
  await Promise.all([onA.untilAdmitted(3), onB.untilAdmitted(3)]);
  const { next, at } = await rotate(a, id, graceMs);
  const nextOnB = new Prober(b, next);
  await nextOnB.untilAdmitted(1);
  const patienceMs = graceMs + 3 * PROMISED_MS;
  const areRefused = await Promise.all([
    onA.refuses(401, patienceMs),
    onB.refuses(401, patienceMs),
  ]);
  await Promise.all([onA.stop(), onB.stop(), nextOnB.stop()]);
  expect(areRefused).toEqual([true, true]);
  expect([...onA.relapses, ...onB.relapses]).toEqual([]);
  expect(nextOnB.statusesSince(at)).toEqual(new Set([200]));
  return { onAMs: onA.admittedForMs(at), onBMs: onB.admittedForMs(at) };
}

describe.each(media)(
  'two instances that tell each other over $name',
  ({ name, start, missing }) => {
    it.skipIf(missing !== null)(
      `refuse an old secret after an emergency rotation, and at the end of a grace period${missing === null ? '' : ` (skipped: ${missing})`}`,
      async () => {
        const redis = await start();
        const installation = newInstallation(proof.databaseUrl, redis?.url);
        const a = await GatewayProcess.start(installation);
        const b = await GatewayProcess.start(installation);
        const onB: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const { onAMs, onBMs } = await rotateUnderLoad(a, b, 0);
          expect(onAMs).toBe(0);
          onB.push(onBMs);
        }
        onB.sort((x, y) => x - y);
        const late: number[] = [];
        for (let round = 0; round < 3; round++) {
          const { onAMs, onBMs } = await rotateUnderLoad(a, b, GRACE_MS);
          late.push(Math.max(onAMs - GRACE_MS, onBMs - GRACE_MS, 0));
        }
        proof.figures.push(
          `emergency rotation over ${name}, ${ROUNDS} rounds: after A has acknowledged, B admits the old secret for ` +
            `${ms(onB[ROUNDS >> 1])} (median), ${ms(onB.at(-1))} (longest); promised: ${PROMISED_MS} ms. After a grace ` +
            `period it is admitted for ${ms(Math.max(...late))} longer at most`,
        );
        expect(onB.at(-1)).toBeLessThan(3 * PROMISED_MS);
        expect(Math.max(...late)).toBeLessThan(PROMISED_MS);
        await redis?.stop();
      },
    );
  },
);

function ms(value: number | undefined): string {
  return `${(value ?? NaN).toFixed(0)} ms`;
}
