/** Whenever a worker that removes entries is killed, the log verifies, and the next one goes on. */
import { afterEach, expect, it, onTestFinished } from 'vitest';

import type { Finding } from '../../src/modules/audit/domain/chain-verifier.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';
import { removalsOf } from '../support/audit-retention.js';
import { fillLog, ORGANIZATION, SEGMENT, workersOf } from './audit-retention.harness.js';
import { KILLS } from './kills.harness.js';
import type { Patch } from './patched-build.harness.js';
import { chooseSeed } from './seeded-random.harness.js';
import { SeededRandom } from './tampering.harness.js';

const SEED = chooseSeed();
const SEGMENTS = 40;
const FIRST_STATEMENTS = 100;
/** Of the 13 or so that a stretch takes, each third. Between the first that removes and the last that says so there are more. */
const EACH_THIRD_STATEMENT = Array.from({ length: 6 }, (_, index) => 30 + 3 * index);
const figures: string[] = [];

afterEach(() => console.info(figures.splice(0).join('\n')));

type Outcome = {
  /** What was wrong after each kill and in the end. */
  readonly findings: (Finding | null)[];
  /** How the workers ended that nobody killed. */
  readonly ends: (number | string | null)[];
  /** Entries that were there, that are left of them, and that are said to be removed. */
  readonly written: number;
  readonly left: number;
  readonly told: number;
};

/** @param kills before which statement each worker is killed */
async function removeKilled(kills: readonly number[], ...patches: Patch[]): Promise<Outcome> {
  const log = await openAuditLog();
  onTestFinished(() => log.close());
  await fillLog(log, SEGMENTS);
  const workers = await workersOf(log, log.rootKeyHex, patches);
  const findings: (Finding | null)[] = [];
  for (const statement of kills) {
    await workers.run(statement);
    findings.push((await log.verifying.verify(ORGANIZATION)).firstInvalid);
  }
  // Two at once do it to the end.
  const ends = await Promise.all([workers.run(0), workers.run(0)]);
  findings.push((await log.verifying.verify(ORGANIZATION)).firstInvalid);
  return { findings, ends, written: SEGMENTS * SEGMENT, ...(await countsOf(log)) };
}

async function countsOf(log: AuditLog): Promise<{ left: number; told: number }> {
  const [row] = await log.sql<{ left: number; told: number }>(
    `SELECT count(*) FILTER (WHERE action <> 'audit_entries.removed')::integer AS left,
            coalesce(sum((details ->> 'count')::integer), 0)::integer AS told FROM audit_entries`,
  );
  return row ?? { left: 0, told: 0 };
}

function isSound({ findings, ends, written, left, told }: Outcome): boolean {
  const isDone = left === 0 && told === written;
  return isDone && findings.every((one) => one === null) && ends.every((one) => one === 0);
}

it('killed at any statement it leaves a log that verifies, and two at once remove the rest once', async () => {
  const begun = Date.now();
  const random = new SeededRandom(SEED);
  const kills = Array.from({ length: KILLS }, () => 1 + random.below(FIRST_STATEMENTS));
  const outcome = await removeKilled(kills);
  figures.push(
    `${KILLS} kills (seed ${SEED}), then two workers: ${outcome.told} of ${outcome.written} entries removed, ${outcome.left} left, ${Date.now() - begun} ms`,
  );
  expect(outcome).toMatchObject({ left: 0, told: outcome.written, ends: [0, 0] });
  expect(outcome.findings).toEqual(outcome.findings.map(() => null));
});

const CUTTING = 'modules/audit/retention/cut-segments.service.js';
it.each<[string, readonly number[], Patch]>([
  [
    'does not remove and say so in one transaction',
    EACH_THIRD_STATEMENT,
    {
      file: CUTTING,
      find: 'return this.transactions.run(async () => {',
      replace: 'return Promise.resolve().then(async () => {',
    },
  ],
  [
    'signs a cut that ends too soon',
    [],
    {
      file: CUTTING,
      find: 'note: this.signer.sign({ organizationId, size, rootHash, removedAfter }),',
      replace:
        'note: this.signer.sign({ organizationId, size: size - 1, rootHash, removedAfter }),',
    },
  ],
  [
    'removes one too many',
    [],
    {
      file: CUTTING,
      find: 'this.removals.remove(organizationId, range)',
      replace: 'this.removals.remove(organizationId, { ...range, upTo: range.upTo + 1 })',
    },
  ],
])('a worker that %s is seen to be wrong', async (_, kills, patch) => {
  expect(isSound(await removeKilled(kills, patch))).toBe(false);
});

it('says how long it takes', async () => {
  const entries = Number(process.env.PROOF_ENTRIES ?? 5_000);
  const log = await openAuditLog();
  onTestFinished(() => log.close());
  await fillLog(log, entries / 1_000, 1_000);
  const removals = removalsOf(log);
  await removals.giveNotice();
  const begun = Date.now();
  await removals.run();
  figures.push(`${entries} entries were verified and removed in ${Date.now() - begun} ms`);
  expect(await countsOf(log)).toEqual({ left: 0, told: entries });
  expect((await log.verifying.verify(ORGANIZATION)).firstInvalid).toBeNull();
});
