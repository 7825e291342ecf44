// @ts-check
/** How sealing keeps up: entries are written at a steady rate by one process, and sealed by another, which is Latchkey. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

import { cpuBetween, cpuMicrosOfEach, descendantsOf, hasProc } from './cpu.mjs';
import { startLatchkey } from './latchkey.mjs';
import { startWorker } from './processes.mjs';
import { startDatabase } from './scratch-database.mjs';
import { quantile } from './tables.mjs';

const SAMPLE_MS = 200;
/** V8 compiles, caches fill. */
const WARM_UP_SECONDS = 5;

/**
 * @param {{ rate: number, seconds: number }} wish
 * @param {import('./processes.mjs').Cleanups} cleanups
 */
export async function measureSealing({ rate, seconds }, cleanups) {
  // As it is shipped: what is committed is on the disk.
  const databaseUrl = await startDatabase(cleanups, {});
  const secretKey = randomBytes(32).toString('base64');
  const env = { DATABASE_URL: databaseUrl, LATCHKEY_SECRET_KEY: secretKey };
  const gateway = await startLatchkey({ role: 'all', env }, cleanups);
  const database = new pg.Client({ connectionString: databaseUrl });
  database.on('error', () => undefined);
  await database.connect();
  cleanups.add(() => database.end());
  const { rows } = await database.query('SELECT id FROM organizations');
  const organizationId = rows[0].id;
  const writer = startWorker('audit-writer.mjs', cleanups);
  const wish = { databaseUrl, secretKey, organizationId, rate };
  await writer.ask('write', { ...wish, seconds: WARM_UP_SECONDS });

  const cpuOf = async () => ({
    writer: await writer.cpuMicros(),
    latchkey: await gateway.cpuMicros(),
    postgres: postgresCpuMicros(),
  });
  const before = { cpu: await cpuOf(), sealed: await sealedOf(database, organizationId) };
  /** @type {number[]} */
  const lags = [];
  const state = { isOver: false };
  const sampling = sampleLag(database, organizationId, lags, state);
  const begin = performance.now();
  const written = await writer.ask('write', { ...wish, seconds });
  const elapsed = (performance.now() - begin) / 1_000;
  const after = { cpu: await cpuOf(), sealed: await sealedOf(database, organizationId) };
  state.isOver = true;
  await sampling;
  await untilSealed(database, organizationId);
  const rest = (performance.now() - begin) / 1_000 - elapsed;
  const cores = (/** @type {number} */ micros) => (micros / 1e6 / elapsed).toFixed(2);
  const figures = [0.5, 0.95, 1].map((share) => (quantile(lags, share) / 1_000).toFixed(2));
  console.log(`
entries written a second: ${(written.entries / written.seconds).toFixed(0)} of ${rate} wanted, for ${written.seconds.toFixed(0)} s (${written.late.toFixed(0)} ms behind at the end)
entries sealed a second:  ${((after.sealed - before.sealed) / elapsed).toFixed(0)}, the last of them ${rest.toFixed(1)} s after the last was written
age of the oldest that is not sealed, in s: p50 ${figures[0]}, p95 ${figures[1]}, max ${figures[2]}
cores in use: writer ${cores(after.cpu.writer - before.cpu.writer)}, Latchkey ${cores(after.cpu.latchkey - before.cpu.latchkey)}, PostgreSQL ${hasProc ? cores(cpuBetween(before.cpu.postgres, after.cpu.postgres)) : 'unknown'}`);
}

/** The bench's own server, with all that it serves. */
function postgresCpuMicros() {
  if (!hasProc) return new Map();
  return cpuMicrosOfEach([...descendantsOf(process.pid)].filter(isPostgres));
}

/** @param {number} pid */
function isPostgres(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('postgres');
  } catch (error) {
    // It has ended since it was listed.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * @param {pg.Client} database
 * @param {string} organizationId
 */
async function sealedOf(database, organizationId) {
  const { rows } = await database.query(
    'SELECT coalesce(max(sequence), 0)::integer AS sealed FROM audit_entries WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0].sealed;
}

/** @param {pg.Client} database @param {string} organizationId @returns {Promise<number>} ms; 0: all are sealed */
async function ageOfOldest(database, organizationId) {
  const { rows } = await database.query(
    `SELECT coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 * 1000 AS age
       FROM audit_entries WHERE organization_id = $1 AND sequence IS NULL`,
    [organizationId],
  );
  return rows[0].age;
}

/**
 * @param {pg.Client} database
 * @param {string} organizationId
 * @param {number[]} lags
 * @param {{ isOver: boolean }} state
 */
async function sampleLag(database, organizationId, lags, state) {
  while (!state.isOver) {
    lags.push(await ageOfOldest(database, organizationId));
    await sleep(SAMPLE_MS);
  }
}

/** @param {pg.Client} database @param {string} organizationId */
async function untilSealed(database, organizationId) {
  while ((await ageOfOldest(database, organizationId)) > 0) await sleep(SAMPLE_MS);
}
