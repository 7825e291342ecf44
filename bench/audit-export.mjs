// @ts-check
/**
 * `npm run bench:audit-export`: what an export of the whole audit log takes, in each format, and what the proxy's callers notice of it.
 * See README.md for how to read the figures. It fails on errors, never on speed.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { request } from 'undici';

import { fillChain } from './audit-chain.mjs';
import { hasProc } from './cpu.mjs';
import { BENCH_MODEL, newMasterKey, provision, startLatchkey } from './latchkey.mjs';
import { LIMITED_POLICY } from './limited-policy.mjs';
import { Cleanups, startWorker } from './processes.mjs';
import { RESTRICTED_POLICY } from './restricted-policy.mjs';
import { startDatabase } from './scratch-database.mjs';
import { renderTable } from './tables.mjs';

const FORMATS = ['csv', 'json', 'ndjson', 'parquet'];
const LAYOUTS = ['apart', 'all'];
const LOOK_MS = 250;
const SAMPLE_MS = 100;
const PAGE_BYTES = 4_096;
/** Some 20,000 of the entries. */
const WARM_UP_MS = 20_000 * 1_500;
const MIB = 1024 ** 2;

const USAGE = `npm run bench:audit-export -- [options]

  --entries N      how many entries of the audit log (1000000)
  --formats A,B    of csv, json, ndjson, parquet (all)
  --layouts A,B    apart: a process of the role api, and one of the role worker; all: one that does both (both)
  --rate N         calls of the proxy a second while it is measured (100)
  --before N       seconds of them before the first export and between two, which are what the rest is compared with (20)
  --help`;

function parseOptions() {
  const { values } = parseArgs({
    options: {
      entries: { type: 'string', default: '1000000' },
      formats: { type: 'string', default: FORMATS.join(',') },
      layouts: { type: 'string', default: LAYOUTS.join(',') },
      rate: { type: 'string', default: '100' },
      before: { type: 'string', default: '20' },
      help: { type: 'boolean', default: false },
    },
  });
  const whole = (/** @type {'entries' | 'rate' | 'before'} */ name) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a whole number above 0`);
  };
  const some = (/** @type {'formats' | 'layouts'} */ name, /** @type {string[]} */ known) =>
    values[name].split(',').map((one) => {
      if (known.includes(one)) return one;
      throw new Error(`--${name} must be of ${known.join(', ')}`);
    });
  return {
    isHelp: values.help,
    entries: whole('entries'),
    formats: some('formats', FORMATS),
    layouts: some('layouts', LAYOUTS),
    rate: whole('rate'),
    beforeMs: whole('before') * 1_000,
  };
}

/** @typedef {import('./latchkey.mjs').Gateway} Gateway */
/** @typedef {import('./processes.mjs').Worker} Load */
/** @typedef {{ api: Gateway, worker: Gateway, steady: Load }} Setting `worker` makes the exports; it may be `api` */

/** Of memory that is resident. @param {number} pid */
function residentBytes(pid) {
  const pages = hasProc ? readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1] : NaN;
  return Number(pages) * PAGE_BYTES;
}

/**
 * @param {Gateway} gateway
 * @param {string} path
 * @param {unknown} [body] makes it a POST
 * @returns {Promise<any>}
 */
async function call({ port, masterKey }, path, body) {
  const answer = await request(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path}: HTTP ${answer.statusCode}: ${text}`);
  return JSON.parse(text);
}

/** @param {Setting} setting @param {string} format @param {number} beforeMs */
async function measure({ api, worker, steady }, format, beforeMs) {
  await steady.ask('take');
  await sleep(beforeMs);
  const before = await steady.ask('take');
  const start = residentBytes(worker.pid);
  let most = start;
  const sampling = setInterval(() => (most = Math.max(most, residentBytes(worker.pid))), SAMPLE_MS);
  const begin = performance.now();
  try {
    const { id } = await call(api, '/v1/audit/export', { format, include_pii: true });
    const done = await finished(api, id);
    const seconds = (performance.now() - begin) / 1_000;
    const during = await steady.ask('take');
    return { before, during, seconds, growth: most - start, most, ...done };
  } finally {
    clearInterval(sampling);
  }
}

/** @param {Gateway} api @param {string} id */
async function finished(api, id) {
  for (;;) {
    const { state, failure, bytes, progress } = await call(api, `/v1/exports/${id}`);
    if (state === 'ready') return { bytes, entries: progress.entries_done };
    if (state !== 'queued' && state !== 'running') throw new Error(`${state}: ${failure}`);
    await sleep(LOOK_MS);
  }
}

/** @param {string} format @param {Awaited<ReturnType<typeof measure>>} result */
function rowOf(format, { entries, seconds, growth, most, bytes, before, during }) {
  return [
    format,
    String(entries),
    seconds.toFixed(1),
    (entries / seconds).toFixed(0),
    (growth / MIB).toFixed(0),
    (most / MIB).toFixed(0),
    (bytes / MIB).toFixed(0),
    before.p50Ms.toFixed(2),
    during.p50Ms.toFixed(2),
    before.p99Ms.toFixed(2),
    during.p99Ms.toFixed(2),
    (during.p99Ms / before.p99Ms).toFixed(2),
    during.maxMs.toFixed(1),
  ];
}

const HEAD = [
  'format',
  'entries',
  's',
  'entries/s',
  'growth MiB',
  'most',
  'file MiB',
  'p50 before',
  'during',
  'p99 before',
  'during',
  'ratio',
  'max',
];

/**
 * @param {string} layout
 * @param {{ env: Record<string, string>, options: ReturnType<typeof parseOptions>, database: pg.Client }} wish
 * @param {Cleanups} cleanups
 */
async function measureLayout(layout, { env, options, database }, cleanups) {
  const api = await startLatchkey({ role: layout === 'all' ? 'all' : 'api', env }, cleanups);
  const worker = layout === 'all' ? api : await startLatchkey({ role: 'worker', env }, cleanups);
  const stub = startWorker('upstream-stub.mjs', cleanups);
  const stubPort = await stub.ask('start', { chunks: 2 });
  await database.query('DELETE FROM routes; DELETE FROM providers');
  const policies = { restricted: RESTRICTED_POLICY, limited: LIMITED_POLICY };
  const keys = await provision(api, stubPort, policies);
  const steady = startWorker('steady-load.mjs', cleanups);
  await steady.ask('start', {
    port: api.port,
    authorization: `Bearer ${keys.plain}`,
    body: JSON.stringify({
      model: BENCH_MODEL,
      messages: [{ role: 'user', content: 'What does a gateway do?' }],
    }),
    perSecond: options.rate,
  });
  console.error(`${layout}: warming up`);
  // V8's young generation grows with the first work of any kind.
  const start_date = new Date(Date.now() - WARM_UP_MS).toISOString();
  await finished(api, (await call(api, '/v1/audit/export', { format: 'csv', start_date })).id);
  await sleep(options.beforeMs);
  const rows = [];
  for (const format of options.formats) {
    const result = await measure({ api, worker, steady }, format, options.beforeMs);
    rows.push(rowOf(format, result));
    console.error(`${layout}: ${format} is done, after ${result.seconds.toFixed(0)} s`);
  }
  await steady.ask('stop');
  const load = loadavg().map((one) => one.toFixed(1));
  console.log(
    `\n${layout === 'all' ? 'one process of the role all' : 'roles api and worker'}, ${options.rate} calls/s, milliseconds; load average ${load.join(' ')}`,
  );
  console.log(renderTable([HEAD, ...rows]));
}

/** @param {ReturnType<typeof parseOptions>} options @param {Cleanups} cleanups */
async function main(options, cleanups) {
  const url = await startDatabase(cleanups);
  const secretKey = randomBytes(32).toString('base64');
  const env = {
    DATABASE_URL: url,
    LATCHKEY_SECRET_KEY: secretKey,
    LATCHKEY_BOOTSTRAP_KEY: newMasterKey(),
  };
  const database = new pg.Client({ connectionString: url });
  database.on('error', () => undefined);
  const setUp = new Cleanups();
  cleanups.add(() => setUp.run());
  await startLatchkey({ role: 'api', env }, setUp);
  await database.connect();
  cleanups.add(() => database.end());
  await setUp.run();
  const { rows } = await database.query('SELECT id FROM organizations');
  const begin = performance.now();
  await fillChain(database, {
    organizationId: rows[0].id,
    entries: options.entries,
    secretKey,
  });
  const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
  console.error(`${options.entries} entries are there, after ${seconds} s`);
  for (const layout of options.layouts) {
    const ofLayout = new Cleanups();
    cleanups.add(() => ofLayout.run());
    await measureLayout(layout, { env, options, database }, ofLayout);
    await ofLayout.run();
  }
}

const options = parseOptions();
const cleanups = new Cleanups();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => void cleanups.run().then(() => process.exit(130)));
}
try {
  if (options.isHelp) console.log(USAGE);
  else await main(options, cleanups);
} finally {
  await cleanups.run();
}
