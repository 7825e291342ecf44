import type { Span } from './decompose-range.js';
import { GRAINS, type RollupGrain } from './rollup-sql.js';

/** So many ranges are written out, so that PostgreSQL sees at once which partitions it needs. */
const MAX_WRITTEN_OUT = 8;

/** SQL and the values of its parameters. */
export class Parameters {
  readonly values: unknown[] = [];

  /** The placeholder of a value. */
  bind(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  bindTimes(timesMs: readonly number[]): string {
    return `${this.bind(timesMs.map(toIso))}::timestamptz[]`;
  }
}

export type RowSource = {
  readonly table: 'usage_rollup' | 'usage_breakdown';
  readonly columns: readonly string[];
  readonly spans: readonly Span[];
  /** Whose: SQL that holds for rows of one organization. */
  readonly where: string;
};

/** A query of the roll-ups that lie in the spans, whatever their grain. */
export function rowsOf(source: RowSource, parameters: Parameters): string {
  return [...GRAINS, 'week' as const]
    .flatMap((grain) => {
      const spans = source.spans.filter((span) => span.grain === grain);
      return spans.length > MAX_WRITTEN_OUT
        ? [lookUpEach(source, grain, spans, parameters)]
        : spans.map(({ fromMs, toMs }) => {
            const [from, to] = [fromMs, toMs].map(
              (ms) => `${parameters.bind(toIso(ms))}::timestamptz`,
            ) as [string, string];
            return selectBetween(source, grain, from, to);
          });
    })
    .join('\nUNION ALL\n');
}

function selectBetween(source: RowSource, grain: RollupGrain, from: string, to: string): string {
  const { table, columns, where } = source;
  return `SELECT ${columns.join(', ')} FROM ${table}_${grain}
     WHERE ${where} AND bucket >= ${from} AND bucket < ${to}`;
}

/** Without the OFFSET all rows of the key would be compared with all spans. */
function lookUpEach(
  source: RowSource,
  grain: RollupGrain,
  spans: readonly Span[],
  parameters: Parameters,
): string {
  const froms = parameters.bindTimes(spans.map(({ fromMs }) => fromMs));
  const tos = parameters.bindTimes(spans.map(({ toMs }) => toMs));
  return `SELECT found.* FROM unnest(${froms}, ${tos}) AS span (first, after),
       LATERAL (${selectBetween(source, grain, 'span.first', 'span.after')} OFFSET 0) AS found`;
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}
