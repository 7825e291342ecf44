// @ts-check
/**
 * `npm run bench:audit`: how long pages of the audit log take with a million entries, and how fast entries are written. See
 * README.md for how to read the figures. It fails on errors, never on speed.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { URLSearchParams } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { request } from 'undici';

import { casesOf } from './audit-cases.mjs';
import { fillAudit, keyIdOf, unsearched } from './audit-data.mjs';
import { measureSealing } from './audit-sealing.mjs';
import { startLatchkey } from './latchkey.mjs';
import { Cleanups } from './processes.mjs';
import { load, startDatabase } from './scratch-database.mjs';
import { quantile, renderTable } from './tables.mjs';

const USAGE = `npm run bench:audit -- [options]

  --entries N     how many entries of the audit log (1000000)
  --rounds N      pages to ask for of each kind (20)
  --inserts N     entries to write one by one, and as many again without what the log is searched by (5000)
  --seal-rate N   measures nothing but sealing, with so many entries written a second
  --seconds N     for how long they are written (60)
  --help`;

function parseOptions() {
  const { values } = parseArgs({
    options: {
      entries: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '20' },
      inserts: { type: 'string', default: '5000' },
      'seal-rate': { type: 'string' },
      seconds: { type: 'string', default: '60' },
      help: { type: 'boolean', default: false },
    },
  });
  const whole = (
    /** @type {'entries' | 'rounds' | 'inserts' | 'seal-rate' | 'seconds'} */ name,
  ) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a whole number above 0`);
  };
  return {
    isHelp: values.help,
    entries: whole('entries'),
    rounds: whole('rounds'),
    inserts: whole('inserts'),
    sealing:
      values['seal-rate'] === undefined
        ? null
        : { rate: whole('seal-rate'), seconds: whole('seconds') },
  };
}

/**
 * @param {Pick<import('./latchkey.mjs').Gateway, 'port' | 'masterKey'>} gateway
 * @param {string} path
 * @param {Record<string, string>} query
 * @returns {Promise<{ ms: number, found: number }>}
 */
async function timeOf({ port, masterKey }, path, query) {
  const url = `http://127.0.0.1:${port}${path}?${new URLSearchParams(query)}`;
  const begin = performance.now();
  const answer = await request(url, { headers: { authorization: `Bearer ${masterKey}` } });
  const text = await answer.body.text();
  const ms = performance.now() - begin;
  if (answer.statusCode === 429) {
    // A credential has so many management calls a minute; the wait is not measured.
    await sleep(1_000 * Number(answer.headers['retry-after']));
    return timeOf({ port, masterKey }, path, query);
  }
  if (answer.statusCode !== 200) throw new Error(`${url}: HTTP ${answer.statusCode}: ${text}`);
  const { data, events } = JSON.parse(text);
  return { ms, found: (data ?? events).length };
}

/**
 * @param {import('./latchkey.mjs').Gateway} gateway
 * @param {ReturnType<typeof parseOptions>} options
 */
async function measurePages(gateway, { entries, rounds }) {
  const cases = Object.entries(casesOf(entries)).map(([kind, query]) => ({
    kind,
    query,
    pathOf: () => '/v1/audit',
  }));
  cases.push({
    kind: 'log of a key',
    query: () => ({ event_types: 'usage,permission_change' }),
    pathOf: () => `/v1/keys/${keyIdOf(Math.floor(Math.random() * 2_000))}/audit`,
  });
  /** @type {number[]} */
  const all = [];
  const rows = [];
  for (const { kind, query, pathOf } of cases) {
    // What is not measured: the first of each, which reads from the disk.
    await timeOf(gateway, pathOf(), query());
    const pages = [];
    for (let round = 0; round < rounds; round++) {
      pages.push(await timeOf(gateway, pathOf(), query()));
    }
    const times = pages.map(({ ms }) => ms);
    all.push(...times);
    const found = pages.reduce((sum, page) => sum + page.found, 0) / rounds;
    rows.push([kind, found.toFixed(0), ...figuresOf(times)]);
  }
  const head = ['ms', 'found', 'p50', 'p95', 'max'];
  console.log(`\n${renderTable([head, ...rows, ['all', '', ...figuresOf(all)]])}`);
}

/** @param {number[]} times */
const figuresOf = (times) => [0.5, 0.95, 1].map((share) => quantile(times, share).toFixed(1));

/**
 * Entries a second, one statement each, in one transaction, so that it is the work on the table that counts.
 * @param {pg.Client} database
 * @param {number} inserts
 */
async function insertRate(database, inserts) {
  const { rows } = await database.query(
    `SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns FROM information_schema.columns
      WHERE table_name = 'audit_entries' AND column_name NOT IN ('id', 'position', 'search', 'sequence', 'previous_hash', 'hash', 'occurred_at')`,
  );
  const [{ columns }] = rows;
  await database.query('BEGIN');
  const begin = performance.now();
  for (let at = 0; at < inserts; at++) {
    await database.query({
      name: `insert-${columns.length}`,
      text: `INSERT INTO audit_entries (id, occurred_at, ${columns})
             SELECT 'aud_' || gen_random_uuid(), now(), ${columns} FROM audit_entries WHERE id = $1`,
      values: [`aud_bench${String(at + 1).padStart(12, '0')}`],
    });
  }
  await database.query('COMMIT');
  return (inserts / (performance.now() - begin)) * 1_000;
}

/** @param {pg.Client} database @param {number} inserts */
async function measureInserts(database, inserts) {
  const searched = await insertRate(database, inserts);
  const { rows } = await database.query(
    `SELECT pg_size_pretty(pg_table_size('audit_entries')) AS rows, pg_size_pretty(pg_indexes_size('audit_entries')) AS indexes`,
  );
  await unsearched(database);
  const plain = await insertRate(database, inserts);
  console.log(
    `\nentries written a second: ${searched.toFixed(0)}; ${plain.toFixed(0)} without the indexes that the log is only searched by`,
  );
  console.log(`entries: ${rows[0].rows}, indexes: ${rows[0].indexes}`);
}

/** @param {ReturnType<typeof parseOptions>} options @param {Cleanups} cleanups */
async function main(options, cleanups) {
  const url = await startDatabase(cleanups);
  const database = new pg.Client({ connectionString: url });
  database.on('error', () => undefined);
  const env = { DATABASE_URL: url, LATCHKEY_SECRET_KEY: randomBytes(32).toString('base64') };
  const gateway = await startLatchkey({ role: 'all', env }, cleanups);
  await database.connect();
  cleanups.add(() => database.end());
  const { rows } = await database.query('SELECT id FROM organizations');
  const { AUDIT_ACTIONS } = await load('platform/audit-trail/audit-actions.js');
  const begin = performance.now();
  await fillAudit(database, {
    organizationId: rows[0].id,
    entries: options.entries,
    actions: AUDIT_ACTIONS,
  });
  const seconds = ((performance.now() - begin) / 1_000).toFixed(0);
  console.error(`${options.entries} entries are there, after ${seconds} s`);
  await measurePages(gateway, options);
  await measureInserts(database, Math.min(options.inserts, options.entries));
}

const options = parseOptions();
const cleanups = new Cleanups();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => void cleanups.run().then(() => process.exit(130)));
}
try {
  if (options.isHelp) console.log(USAGE);
  else if (options.sealing) await measureSealing(options.sealing, cleanups);
  else await main(options, cleanups);
} finally {
  await cleanups.run();
}
