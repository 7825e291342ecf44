import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { UsageQuestion } from '../usage-reports.port.js';
import { decomposeLongRange, decomposeRange, decomposeRanges } from './decompose-range.js';
import { Parameters, rowsOf } from './rollup-rows.js';

const FIGURES = [
  'requests',
  'errors',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nanos',
  'latency_ms',
] as const;

/** A sum over bigints, as PostgreSQL's driver gives it. */
type FigureRow = Readonly<Record<(typeof FIGURES)[number], string>>;

export type ReportRow = FigureRow & {
  readonly kind: 'point' | 'model' | 'features' | 'group';
  /** A point's number, counted from 1; `null`: all that are beyond {@link MAX_NAMES}. */
  readonly name: string | null;
  /** These are of points only: the sketches one after the other. */
  readonly refused: string | null;
  readonly latencies: Buffer | null;
};

/** A bound on what an answer takes, far beyond what anybody reads. */
const MAX_NAMES = 10_000;

const SUMS = FIGURES.map((figure) => `sum(${figure}) AS ${figure}`).join(', ');

/** An organization's own sums stand under this instead of a key. */
const ALL_KEYS = '';

@Injectable()
export class UsageReportsRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** One statement, so all of it is of one moment. What was not used has no row. */
  read(question: UsageQuestion): Promise<ReportRow[]> {
    const parameters = new Parameters();
    const organization = `organization_id = ${parameters.bind(question.organizationId)}`;
    const where = `${organization} AND key_id = ${parameters.bind(question.keyId ?? ALL_KEYS)}`;
    const byKey = question.groupBy === 'key' ? [sumByKey(organization, question, parameters)] : [];
    const sql = `
WITH ${sumByPoint(where, question, parameters)},
summed AS (${[sumByName(where, question, parameters), ...byKey].join(' UNION ALL ')}),
named AS (
  SELECT *, row_number() OVER (PARTITION BY kind ORDER BY cost_nanos DESC, requests DESC, name) AS place FROM summed
)
SELECT 'point' AS kind, point::text AS name, ${FIGURES.join(', ')}, refused, latencies FROM points
UNION ALL
SELECT kind, CASE WHEN place <= ${MAX_NAMES} THEN name END, ${SUMS}, NULL, NULL
  FROM named GROUP BY 1, 2`;
    return this.transactions.sql<ReportRow>(sql, parameters.values);
  }

  async countActiveKeys(organizationId: string, fromMs: number, toMs: number): Promise<number> {
    const parameters = new Parameters();
    const organization = parameters.bind(organizationId);
    const usedSince = `${parameters.bind(new Date(fromMs))}::timestamptz`;
    const rows = rowsOf(
      {
        table: 'usage_rollup',
        columns: ['requests'],
        where: `organization_id = ${organization} AND key_id = total.key_id`,
        spans: decomposeRange(fromMs, toMs),
      },
      parameters,
    );
    const [row] = await this.transactions.sql<{ count: string }>(
      `SELECT count(*) FROM key_usage_totals AS total
        WHERE organization_id = ${organization} AND last_used_at >= ${usedSince}
          AND EXISTS (SELECT FROM (${rows}) AS used WHERE requests > 0)`,
      parameters.values,
    );
    return Number(row?.count);
  }
}

/**
 * `points`: figures by point, and the sketches of all its roll-ups: to merge them here would take most of the time. With an
 * order PostgreSQL sorts; without, it would hash what does not fit in its memory.
 */
function sumByPoint(
  where: string,
  { boundariesMs }: UsageQuestion,
  parameters: Parameters,
): string {
  const starts = parameters.bindTimes(boundariesMs.slice(0, -1));
  const spans = decomposeRanges(boundariesMs);
  const columns = ['bucket', ...FIGURES, 'refused', 'latencies'];
  const rows = rowsOf({ table: 'usage_rollup', columns, where, spans }, parameters);
  return `points AS (
  SELECT width_bucket(bucket, ${starts}) AS point, ${SUMS}, sum(refused) AS refused,
         string_agg(latencies, '' ORDER BY bucket) AS latencies
    FROM (${rows}) AS found GROUP BY 1
)`;
}

/**
 * `summed`: figures by model, by set of features and by what is asked for, but for keys. Summed up by all of these together
 * first, which leaves few rows to be summed up three times.
 */
function sumByName(where: string, question: UsageQuestion, parameters: Parameters): string {
  const column = { provider: 'provider', status: 'status_class', key: null }[
    question.groupBy ?? 'key'
  ];
  const by = ['model', 'features', ...(column === null ? [] : [column])];
  const decompose = question.keyId === null ? decomposeLongRange : decomposeRange;
  const spans = decompose(...rangeOf(question));
  const columns = [...by, ...FIGURES];
  const rows = rowsOf({ table: 'usage_breakdown', columns, where, spans }, parameters);
  const kinds = by.map((name, index) => {
    const kind = ['model', 'features', 'group'][index];
    return `WHEN grouping(${name}) = 0 THEN '${kind}'`;
  });
  const texts = by.map((name) => `WHEN grouping(${name}) = 0 THEN ${name}::text`);
  return `
  SELECT CASE ${kinds.join(' ')} END AS kind, CASE ${texts.join(' ')} END AS name, ${SUMS}
    FROM (SELECT ${by.join(', ')}, ${SUMS} FROM (${rows}) AS found GROUP BY ${by.join(', ')}) AS combined
   GROUP BY GROUPING SETS (${by.map((name) => `(${name})`).join(', ')})`;
}

/** More of `summed`. By time rather than by key: rows of one time lie beside each other. */
function sumByKey(organization: string, question: UsageQuestion, parameters: Parameters): string {
  const source = {
    table: 'usage_rollup',
    columns: ['key_id', ...FIGURES],
    where: `${organization} AND key_id <> '${ALL_KEYS}'`,
    spans: decomposeLongRange(...rangeOf(question)),
  } as const;
  return `
  SELECT 'group', key_id, ${SUMS} FROM (${rowsOf(source, parameters)}) AS found
   GROUP BY key_id HAVING sum(requests) > 0`;
}

function rangeOf({ boundariesMs }: UsageQuestion): [fromMs: number, toMs: number] {
  return [boundariesMs[0] ?? 0, boundariesMs.at(-1) ?? 0];
}
