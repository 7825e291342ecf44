/**
 * Nobody learns by the clock how close a guess is to a real key: a key that begins like one that is in use, and is
 * cached, takes as long to refuse as any other (Welch's t-test, as in Reparaz, Balasch, Verbauwhede: “Dude, is my code
 * constant time?”, 2017).
 */
import { Client } from 'undici';
import { describe, expect, it } from 'vitest';

import { randomBase62 } from '#common/ids/prefixed-id.js';

import { withChecksum } from '../../src/modules/keys/domain/key-secret.js';
import { GatewayProcess, newInstallation } from '../support/gateway-process.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

const SAMPLES = 10_000;
const WARM_UP = 500;
/** Beyond it two means differ for a reason. */
const MAX_T = 4.5;
const MAX_MEDIAN_DIFFERENCE = 0.05;
/** Of the random characters those that a guess has right. */
const RIGHT_CHARACTERS = 20;
const RANDOM_CHARACTERS = 26;

const proof = setUpProof();

type Kinds = { readonly near: number[]; readonly far: number[] };

/** Microseconds that refusing a key took, for keys that begin like a real one and for others, in turn. */
async function refuseMany(samples: number, build?: string): Promise<Kinds> {
  const gateway = await GatewayProcess.start(newInstallation(proof.databaseUrl), {
    // Each guess seems to come from somewhere else, so that they do not add up to a 429.
    env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' },
    ...(build !== undefined && { build }),
  });
  const made = await gateway.call('POST', '/v1/keys', { name: 'real' });
  const { key } = made.body as { key: string };
  expect((await gateway.call('GET', '/v1/key', undefined, key)).status).toBe(200);
  const head = key.slice(0, 'pr-live-'.length);
  const begun = key.slice(0, head.length + RIGHT_CHARACTERS);
  const client = new Client(gateway.origin);
  const guess = async (unchecked: string, number: number): Promise<number> => {
    const headers = {
      authorization: `Bearer ${withChecksum(unchecked)}`,
      'x-forwarded-for': `203.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    };
    const startedAt = process.hrtime.bigint();
    const { statusCode, body } = await client.request({ method: 'GET', path: '/v1/key', headers });
    const tookUs = Number(process.hrtime.bigint() - startedAt) / 1_000;
    expect(statusCode).toBe(401);
    await body.dump();
    return tookUs;
  };
  const near: number[] = [];
  const far: number[] = [];
  for (let round = 0; round < samples + WARM_UP; round++) {
    const others = [
      begun + randomBase62(RANDOM_CHARACTERS - RIGHT_CHARACTERS),
      head + randomBase62(RANDOM_CHARACTERS),
    ] as const;
    // Which comes first changes, so that what a guess leaves behind falls on both alike.
    const isNearFirst = round % 2 === 0;
    const first = await guess(isNearFirst ? others[0] : others[1], 2 * round);
    const second = await guess(isNearFirst ? others[1] : others[0], 2 * round + 1);
    if (round < WARM_UP) continue;
    near.push(isNearFirst ? first : second);
    far.push(isNearFirst ? second : first);
  }
  await client.close();
  return { near, far };
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((x, y) => x - y)[Math.floor(values.length * share)] ?? NaN;
}

/** Without the slowest tenth of all, which the machine makes and not the key. */
function compare({ near, far }: Kinds): { t: number; medianDifference: number } {
  const bound = quantile([...near, ...far], 0.9);
  const [a, b] = [near, far].map((all) => moments(all.filter((one) => one <= bound)));
  if (!a || !b) throw new Error('There are no samples.');
  const t = (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
  const [nearMedian, farMedian] = [quantile(near, 0.5), quantile(far, 0.5)];
  return { t: Math.abs(t), medianDifference: Math.abs(nearMedian - farMedian) / farMedian };
}

function moments(values: readonly number[]) {
  const count = values.length;
  const mean = values.reduce((sum, one) => sum + one, 0) / count;
  const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

describe('refusing a guess', () => {
  it('takes as long for one that begins like a real key as for any other', async () => {
    const kinds = await refuseMany(SAMPLES);
    const { t, medianDifference } = compare(kinds);
    proof.figures.push(
      `refusing 2 × ${SAMPLES} guesses: median ${quantile(kinds.near, 0.5).toFixed(0)} µs where ${RIGHT_CHARACTERS} of ` +
        `${RANDOM_CHARACTERS} characters are right, ${quantile(kinds.far, 0.5).toFixed(0)} µs where none is; ` +
        `Welch’s t ${t.toFixed(2)} (at most ${MAX_T}), medians ${(100 * medianDifference).toFixed(2)} % apart`,
    );
    expect(t).toBeLessThan(MAX_T);
    expect(medianDifference).toBeLessThan(MAX_MEDIAN_DIFFERENCE);
  });

  it('is noticed by this proof when a key is found by how it begins, and then compared slowly', async () => {
    const build = await makePatchedBuild({
      file: 'modules/keys/key-directory.service.js',
      find: 'const text = presented.reveal();',
      replace: `const text = presented.reveal();
        const begun = text.slice(0, 28);
        globalThis.begun ??= new Set();
        if (globalThis.begun.has(begun))
          process.getBuiltinModule('node:crypto').scryptSync(text, 'salt', 32, { N: 1024 });
        globalThis.begun.add(begun);`,
    });
    const { t } = compare(await refuseMany(1_000, build));
    proof.figures.push(`found by how they begin, and compared slowly: Welch’s t ${t.toFixed(1)}`);
    expect(t).toBeGreaterThan(MAX_T);
  });
});
