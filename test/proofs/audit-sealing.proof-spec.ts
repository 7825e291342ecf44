/** What is written to the audit log is sealed within seconds, while more is written. */
import { expect, it } from 'vitest';

import { expectedOf, measureSealing, type Sealing } from './audit-sealing.harness.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';

/** Of 60 entries each, five a second. */
const TURNS = 20;
/** Of the 5 s that are promised at 2,000 entries a second: `npm run bench:audit -- --seal-rate 2000`. */
const LAG_MAX_MS = 30_000;

const proof = setUpProof();

function tell(what: string, { written, writtenPerSecond, unsealed, ...lag }: Sealing): void {
  proof.figures.push(
    `${what}: ${written} entries, ${writtenPerSecond}/s, age of the oldest that is not sealed: ` +
      `p50 ${lag.lagP50Ms} ms, max ${lag.lagMaxMs} ms; ${unsealed} left`,
  );
}

it('sealing keeps up with writers and with the spool', async () => {
  const sealing = await measureSealing(proof.databaseUrl, TURNS, { patienceMs: LAG_MAX_MS });
  tell('sealing', sealing);
  expect(sealing.unsealed).toBe(0);
  expect(sealing.written).toBeGreaterThanOrEqual(expectedOf(TURNS));
  expect(sealing.lagMaxMs).toBeLessThan(LAG_MAX_MS);
});

it('a sealer that takes one small batch at each time is seen to fall behind', async () => {
  const service = 'modules/audit/sealing/seal-entries.service.js';
  const build = await makePatchedBuild(
    { file: service, find: 'return isCut || foreign.length > 0;', replace: 'return false;' },
    { file: service, find: 'const BATCH = 1_000;', replace: 'const BATCH = 10;' },
    {
      file: 'modules/audit/audit.jobs.js',
      find: 'maxEntries = 1_000;',
      replace: 'maxEntries = 10;',
    },
  );
  const sealing = await measureSealing(proof.databaseUrl, TURNS, { patienceMs: 2_000, build });
  tell('a sealer with a bug', sealing);
  expect(sealing.unsealed).toBeGreaterThan(0);
});
