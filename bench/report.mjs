// @ts-check
/** Turns → figures (median, least and greatest over the rounds) → a table for people. */

/** @typedef {import('./measure.mjs').Turn} Turn */
/** @typedef {{ median: number, min: number, max: number }} Figure */
/** @typedef {Record<string, Figure>} Figures */
/** @typedef {{ label: string, of: (turn: Turn) => number, digits: number, compare: 'ratio' | 'added' | 'none' }} Measure */

/** @param {number[]} values @returns {Figure} */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  const high = sorted[Math.floor(middle)] ?? NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
}

/** @type {Record<string, Measure>} */
const COMMON = {
  requestsPerSecond: {
    label: 'requests/s',
    of: (turn) => turn.perSecond,
    digits: 0,
    compare: 'ratio',
  },
  p50Ms: { label: 'p50 ms', of: (turn) => turn.p50Ms, digits: 2, compare: 'added' },
  p99Ms: { label: 'p99 ms', of: (turn) => turn.p99Ms, digits: 2, compare: 'added' },
};

/** @type {Record<string, Measure>} */
const NEIGHBOURS = {
  databaseCpuMicrosPerRequest: {
    label: 'its PostgreSQL, CPU µs/request',
    of: (turn) => turn.databaseCpuMicros / turn.requests,
    digits: 1,
    compare: 'none',
  },
  stubCpuMicrosPerRequest: {
    label: 'stub, CPU µs/request',
    of: (turn) => turn.stubCpuMicros / turn.requests,
    digits: 1,
    compare: 'none',
  },
  loadCpuMicrosPerRequest: {
    label: 'generator, CPU µs/request',
    of: (turn) => turn.loadCpuMicros / turn.requests,
    digits: 1,
    compare: 'none',
  },
  coreUsePercent: {
    label: 'use of a core, %',
    // Requests within the time times CPU per request: the pause after the turn is no part of it.
    of: (turn) => (turn.cpuMicros / turn.requests) * turn.perSecond * 1e-4,
    digits: 0,
    compare: 'none',
  },
};

/** @type {Record<string, Measure>} */
export const PLAIN_MEASURES = {
  ...COMMON,
  cpuMicrosPerRequest: {
    label: 'CPU µs/request',
    of: (turn) => turn.cpuMicros / turn.requests,
    digits: 1,
    compare: 'ratio',
  },
  ...NEIGHBOURS,
};

/** @type {Record<string, Measure>} */
export const LIMITED_MEASURES = {
  ...PLAIN_MEASURES,
  requestsPerExchange: {
    label: 'requests a store round trip',
    of: (turn) => turn.requests / turn.exchanges,
    digits: 0,
    compare: 'none',
  },
};

/** @type {Record<string, Measure>} */
export const STREAM_MEASURES = {
  requestsPerSecond: /** @type {Measure} */ (COMMON['requestsPerSecond']),
  eventsPerSecond: {
    label: 'chunks/s',
    of: (turn) => (turn.perSecond * turn.events) / turn.requests,
    digits: 0,
    compare: 'ratio',
  },
  firstByteP50Ms: {
    label: 'first byte p50 ms',
    of: (turn) => turn.firstByteP50Ms,
    digits: 2,
    compare: 'added',
  },
  firstByteP99Ms: {
    label: 'first byte p99 ms',
    of: (turn) => turn.firstByteP99Ms,
    digits: 2,
    compare: 'added',
  },
  p50Ms: { .../** @type {Measure} */ (COMMON['p50Ms']), label: 'whole stream p50 ms' },
  cpuMicrosPerEvent: {
    label: 'CPU µs/chunk',
    of: (turn) => turn.cpuMicros / turn.events,
    digits: 2,
    compare: 'ratio',
  },
  cpuMicrosPerRequest: {
    label: 'CPU µs/stream',
    of: (turn) => turn.cpuMicros / turn.requests,
    digits: 0,
    compare: 'ratio',
  },
  eventsPerRequest: {
    label: 'chunks/stream',
    of: (turn) => turn.events / turn.requests,
    digits: 1,
    compare: 'none',
  },
  eventsPerRead: {
    label: 'chunks/read of the client',
    of: (turn) => turn.events / turn.reads,
    digits: 1,
    compare: 'none',
  },
  ...NEIGHBOURS,
};

/**
 * @typedef {object} Summary
 * @property {Partial<Record<'bare' | 'latchkey', Figures>>} systems
 * @property {Figures} comparison by measure: Latchkey / bare, or Latchkey - bare, of the same round
 */

/**
 * @param {import('./measure.mjs').Turns} turns
 * @param {Record<string, Measure>} measures
 * @returns {Summary}
 */
export function summarizeTurns(turns, measures) {
  /** @type {Summary} */
  const summary = { systems: {}, comparison: {} };
  for (const name of /** @type {const} */ (['bare', 'latchkey'])) {
    const rounds = turns[name];
    if (rounds === undefined) continue;
    summary.systems[name] = mapValues(measures, ({ of }) => summarize(rounds.map(of)));
  }
  const { bare, latchkey } = turns;
  if (bare === undefined || latchkey === undefined) return summary;
  const compared = Object.entries(measures).filter(([, { compare }]) => compare !== 'none');
  summary.comparison = mapValues(Object.fromEntries(compared), ({ of, compare }) =>
    summarize(
      latchkey.map((turn, round) => {
        const other = of(/** @type {Turn} */ (bare[round]));
        return compare === 'ratio' ? of(turn) / other : of(turn) - other;
      }),
    ),
  );
  return summary;
}

/**
 * @template T, U
 * @param {Record<string, T>} record
 * @param {(value: T) => U} map
 * @returns {Record<string, U>}
 */
function mapValues(record, map) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** @param {Figure | undefined} figure @param {number} digits @param {string} [sign] */
function cell(figure, digits, sign = '') {
  // None: nothing was divided by.
  if (figure === undefined || !Number.isFinite(figure.median)) return '';
  const text = (/** @type {number} */ value) => value.toFixed(digits);
  return `${sign}${text(figure.median)} [${text(figure.min)}–${text(figure.max)}]`;
}

/**
 * @param {Figure | undefined} figure
 * @param {Measure} measure
 */
function comparisonCell(figure, { compare, digits }) {
  if (figure === undefined) return '';
  if (compare === 'ratio') return `× ${cell(figure, 2)}`;
  return cell(figure, digits, figure.median >= 0 ? '+' : '');
}

/**
 * @param {{ title: string, measures: Record<string, Measure> }} scenario
 * @param {Summary} summary
 * @returns {string}
 */
export function renderTable({ title, measures }, summary) {
  const { bare, latchkey } = summary.systems;
  const header = ['', 'bare proxy', 'Latchkey', 'Latchkey to bare'];
  const rows = Object.entries(measures).map(([name, measure]) => [
    measure.label,
    cell(bare?.[name], measure.digits),
    cell(latchkey?.[name], measure.digits),
    comparisonCell(summary.comparison[name], measure),
  ]);
  const table = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const line = (/** @type {string[]} */ row) =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [
    title,
    line(header),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n');
}
