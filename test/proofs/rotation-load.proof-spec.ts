/** Scheduled rotations under load: nobody who is in time is refused, and nobody who is late is served. */
import { expect, it } from 'vitest';

import type { CutOff } from './cut-off-probe.harness.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';
import { type Plan, type Report, rotateUnderLoad } from './rotation-load.harness.js';

const KEYS = 10;
const ROUNDS = 5;
/** Of both clients together. */
const CALLS_PER_SECOND = 300;
/** Of a change to every process. What is asserted is three times as much, for machines that are busy. */
const PROMISED_MS = 1_000;

const proof = setUpProof();
/** Of a build that is seen to fail. */
const SMALL = { keys: 2, rounds: 1, graceMs: 8_000 };

/** What the report tells against the product; nothing where it keeps its promises. */
function faultsOf(report: Report, { keys, rounds }: Omit<Plan, 'databaseUrl'>): string[] {
  const secrets = [...report.secrets.values()];
  const counts = secrets.map(({ length }) => length);
  return [
    ...refusals(report),
    ...(counts.length === keys && counts.every((count) => count === rounds + 1)
      ? []
      : [`secrets of the keys: ${counts.join(' ')}; expected: ${rounds + 1} of ${keys} keys`]),
    ...(secrets.flat().some(({ isSealed }) => isSealed) ? ['a secret was never claimed'] : []),
    ...[...report.secrets.keys()].flatMap((keyId) => noticeFaults(report, keyId)),
    ...report.cutOffs.flatMap(cutOffFaults),
  ];
}

function refusals({ calls }: Report): string[] {
  const kinds = new Map<string, number>();
  for (const { client, status, complaint } of calls) {
    if (status === 200) continue;
    const kind = `refused: the ${client}, ${status}, ${complaint}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, times]) => `${kind} (${times} times)`);
}

/** Answers to a secret say that it was replaced from when every process knows it, and not before. */
function noticeFaults({ calls, secrets }: Report, keyId: string): string[] {
  return (secrets.get(keyId) ?? []).flatMap(({ secret, retiredAt, expiresAt }, number) => {
    const answered = calls.filter((call) => call.secret === secret && call.status === 200);
    const place = `secret ${number} of ${keyId}`;
    const retired = retiredAt?.getTime() ?? Infinity;
    const before = answered.filter(({ startedAt }) => startedAt < retired - PROMISED_MS);
    const after = answered.filter(({ startedAt }) => startedAt > retired + 3 * PROMISED_MS);
    const deprecation = `@${Math.floor(retired / 1_000)}`;
    const sunset = expiresAt?.toUTCString();
    const isTold = (call: (typeof calls)[number]): boolean =>
      call.deprecation === deprecation && call.sunset === sunset;
    return [
      ...(before.some((call) => call.deprecation !== null) ? [`${place}: told too early`] : []),
      ...(after.every(isTold) ? [] : [`${place}: answers that do not say that it was replaced`]),
      ...(retiredAt !== null && after.length === 0 ? [`${place}: not used once replaced`] : []),
    ];
  });
}

function cutOffFaults({ lateMs, early, odd, isRefused, isWorkerGone }: CutOff): string[] {
  const when = isWorkerGone ? 'without a worker' : 'with a worker';
  return [
    ...(early > 0 ? [`a secret was refused before its end, ${when}`] : []),
    ...(odd.length > 0 ? [`a secret was answered with ${odd.join(' ')}, ${when}`] : []),
    ...(!isRefused || lateMs >= 3 * PROMISED_MS
      ? [`a secret was admitted ${lateMs} ms after its end, ${when}`]
      : []),
  ];
}

function lateness(cutOffs: readonly CutOff[]): string {
  const sorted = cutOffs.map(({ lateMs }) => lateMs).sort((one, other) => one - other);
  return `${sorted[sorted.length >> 1]} ms (median), ${sorted.at(-1)} ms (longest) of ${sorted.length}`;
}

it(`${KEYS * ROUNDS} scheduled rotations refuse no request of two clients, and their old secrets end on time, also without a worker`, async () => {
  const plan = { keys: KEYS, rounds: ROUNDS, graceMs: 16_000 };
  const report = await rotateUnderLoad({ ...plan, databaseUrl: proof.databaseUrl });
  const { calls, seconds, secrets, cutOffs } = report;
  const rotations = [...secrets.values()].flat().filter(({ retiredAt }) => retiredAt !== null);
  const perSecond = calls.length / seconds;
  const told = calls.filter(({ sunset }) => sunset !== null);
  proof.figures.push(
    `${rotations.length} rotations of ${KEYS} keys in ${ROUNDS} rounds on 2 instances: ${calls.length} requests in ` +
      `${seconds.toFixed(0)} s (${perSecond.toFixed(0)} a second), ${told.length} of them with an old secret; refused: ` +
      `${calls.filter(({ status }) => status !== 200).length}`,
    ...[false, true].map(
      (isGone) =>
        `old secrets admitted after their end, ${isGone ? 'the worker killed' : 'with a worker'}: ` +
        `${lateness(cutOffs.filter(({ isWorkerGone }) => isWorkerGone === isGone))}; promised: ${PROMISED_MS} ms`,
    ),
  );
  expect(faultsOf(report, plan)).toEqual([]);
  expect(rotations).toHaveLength(KEYS * ROUNDS);
  expect(cutOffs).toHaveLength(2 * KEYS * ROUNDS);
  expect(perSecond).toBeGreaterThan(0.9 * CALLS_PER_SECOND);
});

it('a build that ends the old secret at once is seen to refuse requests', async () => {
  const build = await makePatchedBuild({
    file: 'modules/keys/rotation/schedules/rotate-on-schedule.service.js',
    find: 'now + rotation.gracePeriodMs',
    replace: 'now',
  });
  const report = await rotateUnderLoad({ ...SMALL, databaseUrl: proof.databaseUrl, build });
  const faults = faultsOf(report, SMALL);
  proof.figures.push(`a build that knows no grace: ${faults[0]}`);
  expect(faults).toContainEqual(expect.stringMatching(/^refused: .*, 401, expired_api_key/));
});

it('a build that does not look at the end of a secret when it is used is seen to admit it', async () => {
  const build = await makePatchedBuild({
    file: 'modules/keys/domain/authorize.js',
    find: 'now >= view.expiresAt',
    replace: 'false',
  });
  const report = await rotateUnderLoad({ ...SMALL, databaseUrl: proof.databaseUrl, build });
  const faults = faultsOf(report, SMALL);
  proof.figures.push(`a build that does not look at the clock: ${faults[0]}`);
  expect(faults).toHaveLength(2 * SMALL.keys);
  for (const fault of faults) expect(fault).toMatch(/^a secret was admitted \d+ ms after its end/);
});
