/** Holds what clients have got against what the database says was used. */
import pg from 'pg';

import { wrongSums as rollupsThatAreWrong } from '../support/rollups.js';
import { costOf, usageOf } from './ledger-provider.harness.js';
import type { Call } from './load.harness.js';

type Row = {
  readonly id: string;
  readonly outcome: string;
  readonly stream: boolean;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly source: string;
  readonly cost: string;
};

const ROWS = `
SELECT id, outcome, stream, input_tokens AS input, cached_input_tokens AS cached, output_tokens AS output,
       usage_source AS source, cost_nanos AS cost
  FROM usage_events`;

const WRONG_TOTALS = `
SELECT key_id
  FROM (SELECT organization_id, key_id, count(*) AS requests, sum(input_tokens) AS input_tokens,
               sum(output_tokens) AS output_tokens, sum(cost_nanos) AS cost_nanos, max(occurred_at) AS last_used_at
          FROM usage_events GROUP BY organization_id, key_id) AS event
  FULL JOIN key_usage_totals AS total USING (organization_id, key_id)
 WHERE (event.requests, event.input_tokens, event.output_tokens, event.cost_nanos, event.last_used_at)
    IS DISTINCT FROM (total.requests, total.input_tokens, total.output_tokens, total.cost_nanos, total.last_used_at)`;

/** The last five are lists of ids, all empty when the accounts are right. */
export type Accounts = {
  /** Completions that a client has whole. */
  readonly noted: number;
  readonly found: number;
  readonly rows: number;
  readonly completedRows: number;
  readonly missing: readonly string[];
  readonly doubled: readonly string[];
  /** The row does not say what the provider charged for this very call. */
  readonly wrong: readonly string[];
  /** Keys whose totals are not the sums of their rows. */
  readonly wrongTotals: readonly string[];
  /** Roll-ups that are not the sums of their rows. */
  readonly wrongSums: readonly string[];
};

export const RIGHT = { missing: [], doubled: [], wrong: [], wrongTotals: [], wrongSums: [] };

/** @param whole the calls whose answer a client has got whole */
export async function readAccounts(databaseUrl: string, whole: readonly Call[]): Promise<Accounts> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Row>(ROWS);
    const { rows: wrongTotals } = await client.query<{ key_id: string }>(WRONG_TOTALS);
    const organizations = await client.query<{ id: string }>('SELECT id FROM organizations');
    const wrongSums: string[] = [];
    for (const { id } of organizations.rows)
      wrongSums.push(...(await rollupsThatAreWrong(client, id)));
    return {
      ...compare(rows, whole),
      wrongTotals: wrongTotals.map(({ key_id: keyId }) => keyId),
      wrongSums,
    };
  } finally {
    await client.end();
  }
}

function compare(rows: Row[], whole: readonly Call[]): Omit<Accounts, 'wrongTotals' | 'wrongSums'> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const doubled = rows.filter((row) => byId.get(row.id) !== row).map(({ id }) => id);
  const missing: string[] = [];
  const wrong = new Set(rows.filter((row) => !isPricedRight(row)).map(({ id }) => id));
  for (const call of whole) {
    const id = call.requestId ?? '';
    const row = byId.get(id);
    if (!row) missing.push(id);
    else if (!isOf(row, call)) wrong.add(id);
  }
  return {
    noted: whole.length,
    found: whole.length - missing.length,
    rows: rows.length,
    completedRows: rows.filter(({ outcome }) => outcome === 'completed').length,
    missing,
    doubled,
    wrong: [...wrong],
  };
}

function isPricedRight(row: Row): boolean {
  return BigInt(row.cost) === costOf(row);
}

function isOf(row: Row, { number, stream }: Call): boolean {
  const { input, cached, output } = usageOf(number);
  return (
    row.outcome === 'completed' &&
    row.source === 'upstream' &&
    row.stream === stream &&
    row.input === input &&
    row.cached === cached &&
    row.output === output
  );
}

/** For the report of a run. */
export function summarize(accounts: Accounts): string {
  const { noted, found, missing, doubled, wrong, wrongTotals, wrongSums, rows } = accounts;
  return (
    `${noted} noted, ${found} found, ${missing.length} missing, ${doubled.length} doubled, ${wrong.length} wrong, ` +
    `${rows} rows, ${wrongTotals.length} keys with wrong totals, ${wrongSums.length} wrong roll-ups`
  );
}
