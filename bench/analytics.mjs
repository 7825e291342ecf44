// @ts-check
/**
 * `npm run bench:analytics`: how long reports on usage take, and how many rows they read, with millions of events of a
 * thousand keys over 90 days. See README.md for how to read the figures. It fails on errors, never on speed.
 */
import { randomBytes } from 'node:crypto';
import { URLSearchParams } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { request } from 'undici';

import { fillUsage } from './analytics-data.mjs';
import { pickCases, randomCases } from './analytics-cases.mjs';
import { startLatchkey } from './latchkey.mjs';
import { Cleanups } from './processes.mjs';
import { load, startDatabase } from './scratch-database.mjs';
import { quantile, renderTable } from './tables.mjs';

const USAGE = `npm run bench:analytics -- [options]

  --events N,N    how many events; rows are counted with each number, times are taken with the last (1000000,10000000)
  --keys N        keys they are of (1000)
  --queries N     random reports to ask for (200)
  --env NAME=VALUE  a variable for Latchkey; may be repeated
  --help`;

/** @param {string} text */
const say = (text) => console.error(text);

function parseOptions() {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000000,10000000' },
      keys: { type: 'string', default: '1000' },
      queries: { type: 'string', default: '200' },
      env: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const whole = (/** @type {string} */ name, /** @type {string} */ text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name} must be a whole number above 0`);
  };
  return {
    isHelp: values.help,
    steps: values.events.split(',').map((text) => whole('events', text)),
    keys: whole('keys', values.keys),
    queries: whole('queries', values.queries),
    env: Object.fromEntries(values.env.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
  };
}

/**
 * The rows that the plan's scans looked at.
 * @param {any} node of a plan
 * @returns {number}
 */
function rowsRead(node) {
  const own = String(node['Node Type']).includes('Scan') && node['Relation Name'] !== undefined;
  const seen = own
    ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
    : 0;
  return (node.Plans ?? []).reduce(
    (/** @type {number} */ sum, /** @type {any} */ child) => sum + rowsRead(child),
    seen,
  );
}

/**
 * What the service sends to PostgreSQL, explained.
 * @param {pg.Client} database
 * @param {string} organizationId
 * @param {import('./analytics-cases.mjs').Case[]} cases
 */
async function explain(database, organizationId, cases) {
  const [
    { UsageReportsRepository },
    { readPeriod },
    { seriesBoundaries, defaultGranularity },
    { TimeZone },
  ] = await Promise.all([
    load('modules/usage/rollups/usage-reports.repository.js'),
    load('modules/analytics/reports/domain/period.js'),
    load('modules/analytics/reports/domain/series.js'),
    load('common/time/time-zone.js'),
  ]);
  /** @type {{ rows: number, planMs: number, runMs: number }[]} */
  const figures = [];
  const repository = new UsageReportsRepository({
    sql: async (/** @type {string} */ sql, /** @type {unknown[]} */ values) => {
      const { rows } = await database.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, values);
      const [plan] = rows[0]['QUERY PLAN'];
      figures.push({
        rows: rowsRead(plan.Plan),
        planMs: plan['Planning Time'],
        runMs: plan['Execution Time'],
      });
      return [];
    },
  });
  const now = Date.now();
  for (const { keyId, query } of cases) {
    const zone = TimeZone.named(query.time_zone ?? 'UTC');
    const period = readPeriod(query, zone, now);
    const granularity = query.granularity ?? defaultGranularity(period);
    const boundariesMs = seriesBoundaries(period, granularity, zone, now);
    const isByKey = keyId === null && /^(key|environment|metadata)/.test(query.group_by ?? '');
    const column = ['provider', 'status'].find((name) => name === query.group_by) ?? null;
    await repository.read({
      organizationId,
      keyId,
      boundariesMs,
      groupBy: isByKey ? 'key' : column,
    });
  }
  return figures;
}

/**
 * @param {import('./latchkey.mjs').Gateway} gateway
 * @param {import('./analytics-cases.mjs').Case} one
 */
async function timeOf({ port, masterKey }, { path, query }) {
  const url = `http://127.0.0.1:${port}${path}?${new URLSearchParams(query)}`;
  const begin = performance.now();
  const answer = await request(url, { headers: { authorization: `Bearer ${masterKey}` } });
  const text = await answer.body.text();
  const ms = performance.now() - begin;
  if (answer.statusCode !== 200) throw new Error(`${url}: HTTP ${answer.statusCode}: ${text}`);
  return ms;
}

/**
 * @param {import('./latchkey.mjs').Gateway} gateway
 * @param {import('./analytics-cases.mjs').Case[]} cases
 */
async function measureTimes(gateway, cases) {
  /** @type {Map<string, number[]>} */
  const times = new Map();
  for (const one of cases) {
    const ms = await timeOf(gateway, one);
    for (const kind of [one.kind, 'all']) times.set(kind, [...(times.get(kind) ?? []), ms]);
  }
  const head = ['ms', 'n', 'p50', 'p95', 'max'];
  const rows = [...times]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, of]) => [
      kind,
      String(of.length),
      ...[0.5, 0.95, 1].map((share) => quantile(of, share).toFixed(0)),
    ]);
  console.log(`\n${renderTable([head, ...rows])}`);
}

/** @param {ReturnType<typeof parseOptions>} options @param {Cleanups} cleanups */
async function main(options, cleanups) {
  const url = await startDatabase(cleanups);
  const database = new pg.Client({ connectionString: url });
  database.on('error', () => undefined);
  const gateway = await startLatchkey(
    {
      role: 'all',
      env: {
        ...options.env,
        DATABASE_URL: url,
        LATCHKEY_SECRET_KEY: randomBytes(32).toString('base64'),
      },
    },
    cleanups,
  );
  await database.connect();
  cleanups.add(() => database.end());
  const { rows } = await database.query('SELECT id FROM organizations');
  const organizationId = rows[0].id;
  const cases = pickCases();
  /** @type {{ rows: number, planMs: number, runMs: number }[][]} */
  const steps = [];
  for (const events of options.steps) {
    await fillUsage(database, { organizationId, keys: options.keys, events, say });
    // The second time, since the first reads much from the disk.
    await explain(database, organizationId, cases);
    steps.push(await explain(database, organizationId, cases));
  }
  const head = [
    'rows read by',
    ...options.steps.map((step) => `${step} events`),
    'planning ms',
    'running ms',
  ];
  const table = cases.map(({ kind, path, query }, index) => {
    const last = steps.at(-1)?.[index];
    return [
      `${kind} ${path.includes('keys') ? '(key)' : '(all)'} ${new URLSearchParams(query)}`,
      ...steps.map((figures) => String(figures[index]?.rows)),
      String(last?.planMs.toFixed(1)),
      String(last?.runMs.toFixed(0)),
    ];
  });
  console.log(`\n${renderTable([head, ...table])}`);
  await measureTimes(gateway, randomCases(options.queries, options.keys));
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
