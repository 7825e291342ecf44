/** Whoever may write to the database can’t change a sealed audit log without its being found, and where. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

import type { VerifyLogService } from '../../src/modules/audit/verification/verify-log.service.js';
import { type AuditLog, openAuditLog } from '../support/audit-log.js';
import { DAY_MS, removalsOf } from '../support/audit-retention.js';
import { makePatchedBuild, type Patch } from './patched-build.harness.js';
import { chooseSeed } from './seeded-random.harness.js';
import {
  BACKUP,
  CHECKPOINTS,
  CUT_TAMPERINGS,
  ELSEWHERE,
  ENTRIES,
  ORGANIZATION,
  REMOVED,
  REMOVED_ENTRIES,
  restore,
  SeededRandom,
  type Tampering,
  TAMPERINGS,
} from './tampering.harness.js';

const SEED = chooseSeed();
const ROUNDS = 1_000;

let log: AuditLog;
/** Made of the whole log, and kept elsewhere. */
let outside: string;
const figures: string[] = [];

beforeAll(async () => {
  log = await openAuditLog();
  for (const organizationId of [ELSEWHERE, ORGANIZATION]) await fill(organizationId);
  outside = (await log.checkpoints.makeNow(ORGANIZATION))?.note ?? '';
  await log.sql('DELETE FROM audit_checkpoints WHERE size = $1', [ENTRIES]);
});
afterAll(async () => {
  await log.close();
  console.info(figures.join('\n'));
});

const KEPT_KEY = 'key_kept';

/** With what is over removed by the job itself. */
async function fill(organizationId: string): Promise<void> {
  const removals = removalsOf(log, { days: 90, keys: { [KEPT_KEY]: 3_650 } });
  await write(organizationId, 1, 80);
  if (organizationId === ORGANIZATION) {
    await log.sql(
      `CREATE TABLE ${BACKUP} AS SELECT * FROM audit_entries WHERE organization_id = '${ORGANIZATION}'`,
    );
  }
  await removals.giveNotice();
  log.advance(91 * DAY_MS);
  await removals.run();
  await log.sealAll();
  await write(organizationId, 80 + REMOVED.length + 1, ENTRIES);
}

async function write(organizationId: string, first: number, last: number): Promise<void> {
  for (let n = first; n <= last; n++) {
    const isKept = n > 20 && n <= 60;
    await log.append(organizationId, `${n}`, isKept ? { keyId: KEPT_KEY } : {});
    log.advance(1_000);
    if (CHECKPOINTS.includes(n)) await log.checkpoints.makeNow(organizationId);
  }
}

class RolledBack extends Error {}

/** Of so many tamperings, those that were not found where they are. */
async function missedOf(
  rounds: number,
  verifying: VerifyLogService,
  tamperings = TAMPERINGS,
): Promise<Tampering[]> {
  const random = new SeededRandom(SEED);
  const missed: Tampering[] = [];
  for (let round = 0; round < rounds; round++) {
    await log.transactions
      .run(async () => {
        const tampering = await random.pick(tamperings)(log.sql, random);
        if (!(await isFound(tampering, verifying))) missed.push(tampering);
        throw new RolledBack();
      })
      .catch((error: unknown) => {
        if (!(error instanceof RolledBack)) throw error;
      });
  }
  return missed;
}

async function isFound({ at, isTail }: Tampering, verifying: VerifyLogService): Promise<boolean> {
  const { firstInvalid } = await verifying.verify(ORGANIZATION);
  if (!isTail) return firstInvalid !== null && firstInvalid.sequence === at;
  const against = await verifying.verify(ORGANIZATION, outside);
  return firstInvalid === null && against.firstInvalid?.sequence === at;
}

it('a log that nobody has touched is valid, by itself and against the checkpoint that was kept elsewhere', async () => {
  for (const notes of ['', outside]) {
    const { entries, firstInvalid } = await log.verifying.verify(ORGANIZATION, notes);
    expect([entries, firstInvalid]).toEqual([ENTRIES - REMOVED_ENTRIES, null]);
  }
});

it('1,000 tamperings are found and located, a cut tail by the outside checkpoint alone', async () => {
  const begun = Date.now();
  const missed = await missedOf(ROUNDS, log.verifying);
  figures.push(
    `${ROUNDS} tamperings of ${ENTRIES} entries (seed ${SEED}): ${missed.length} missed, ${Date.now() - begun} ms`,
  );
  expect(missed).toEqual([]);
});

const SERVICE = 'modules/audit/verification/verify-log.service.js';
const CHAIN = 'modules/audit/domain/chain-verifier.js';
it.each<[string, Patch[], typeof TAMPERINGS?]>([
  [
    'takes each entry’s own word for its place and for what stands before it',
    [
      {
        file: SERVICE,
        find: 'if ((stored.sequence ?? 0) > walk.chain.head.size + 1)',
        replace: 'if (false)',
      },
      {
        file: CHAIN,
        find: 'if (link.sequence > sequence)',
        replace: 'if (false)',
      },
      {
        file: CHAIN,
        find: 'linkHashOf(this.#head.hash, sequence,',
        replace: 'linkHashOf(link.previousHash, link.sequence,',
      },
      { file: CHAIN, find: '!this.#head.hash.equals(link.previousHash)', replace: 'false' },
    ],
  ],
  [
    'looks at no checkpoints of the table',
    [{ file: SERVICE, find: 'if (roots.size === 0)', replace: 'if (roots.size >= 0)' }],
  ],
  [
    'takes the word of a cut that nobody has signed',
    [
      {
        file: SERVICE,
        find: 'const note = this.signer.genuineNoteOf(organizationId, cut);',
        replace: 'const note = { removedAfter: null };',
      },
      {
        file: SERVICE,
        find: 'this.signer.genuineNoteOf(organizationId, stored) === null',
        replace: 'false',
      },
    ],
    CUT_TAMPERINGS,
  ],
  [
    'does not look for what was put back',
    [
      {
        file: SERVICE,
        find: 'await this.log.firstBetween(organizationId, head.size, cut.size)',
        replace: 'null',
      },
      {
        file: SERVICE,
        find: "return place && findingAt(place, 'out_of_place');",
        replace: 'return null;',
      },
    ],
    [restore],
  ],
  [
    'does not ask who has written an entry',
    [
      {
        file: 'modules/audit/trail/entry-mac.js',
        find: 'timingSafeEqual(mac, expected)',
        replace: 'true',
      },
    ],
  ],
])('a verifier that %s is seen to miss some', async (_, patches, tamperings) => {
  const build = await makePatchedBuild(...patches);
  const load = <T>(file: string): Promise<T> =>
    import(pathToFileURL(join(build, 'dist/src/modules/audit', file)).href) as Promise<T>;
  const missed = await missedOf(60, await log.verifierOf(load), tamperings);
  figures.push(`missed of 60 by a verifier with a bug: ${missed.length}`);
  expect(missed.length).toBeGreaterThan(0);
});
