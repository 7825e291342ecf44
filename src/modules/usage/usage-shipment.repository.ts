import { Injectable } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';

import { isDataError } from '#platform/database/pg-errors.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ROLLED_UP_COLUMNS, rollUp } from './rollups/rollup-sql.js';
import type { Rows } from './spool/line-batch.js';
import type { SpoolPosition } from './spool/spool-folder.js';
import { LINE_FIELDS, type LineField } from './spool/usage-line.js';
import { MissingPartitionError, UnstorableRecordsError } from './usage.errors.js';

/**
 * The rows, each as an array of its {@link LINE_FIELDS}. Putting back what the escapes stand for takes longer than all the rest, so
 * only lines with a backslash are asked for it; few have one. Without the OFFSET each column would split the line anew.
 */
const ROWS = String.raw`
SELECT CASE WHEN strpos(line, E'\\') = 0 THEN string_to_array(line, E'\t', '~') ELSE (
         SELECT array_agg(replace(replace(replace(replace(
                  field, E'\\t', E'\t'), E'\\n', E'\n'), E'\\~', '~'), E'\\s', E'\\') ORDER BY number)
           FROM unnest(string_to_array(line, E'\t', '~')) WITH ORDINALITY AS fields (field, number)
       ) END AS f
  FROM string_to_table($6::text, E'\n') AS line
OFFSET 0`;

const field = (name: LineField): string => `f[${LINE_FIELDS.indexOf(name) + 1}]`;

/**
 * What the inserted records cost, charged for each organization and UTC day: `charge_usage` is the ledger's
 * (src/modules/billing/README.md). A record is inserted once, so the least id names the charge: the spool's position would not,
 * since two machines with copies of one folder come past the same place with other records. The order of organizations
 * keeps shippers from a deadlock.
 */
const CHARGES = `
  SELECT charge_usage(
           organization_id, nanos, first_at, last_at,
           'usage:' || first_id || '@' || (extract(epoch FROM first_at) * 1000)::bigint,
           $1 || '/' || $2::text || ':' || $3::text
         ) AS nanos
    FROM (SELECT organization_id, sum(cost_nanos)::bigint AS nanos,
                 min(occurred_at) AS first_at, max(occurred_at) AS last_at,
                 min(id COLLATE "C") AS first_id
            FROM inserted
           WHERE cost_nanos > 0
           GROUP BY organization_id, date_bin('1 day', occurred_at, timestamptz 'epoch')
           ORDER BY organization_id, first_at
          OFFSET 0) AS sums`;

/**
 * One statement, so one transaction and one round trip. The position moves only from where the caller believes it to
 * be, and nothing is written unless it moved: of two shippers of one spool the second waits for the first's row lock,
 * then finds the position changed. Totals are those of the rows that were really inserted. Keys are taken in order, so
 * that shippers of different spools can't deadlock.
 */
const ship = (onConflict: '' | 'ON CONFLICT (occurred_at, id) DO NOTHING'): string => `
WITH moved AS (
  UPDATE usage_spool_positions SET segment = $4, position = $5, updated_at = now()
   WHERE spool_id = $1 AND segment = $2 AND position = $3
  RETURNING 1
), inserted AS (
  INSERT INTO usage_events (
    id, organization_id, key_id, occurred_at, surface, model, provider, upstream_model, status, outcome, stream,
    input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, usage_source, cost_nanos, price_version,
    latency_ms, first_byte_ms, features
  )
  SELECT ${field('id')}, ${field('org')}, ${field('key')},
         timestamptz 'epoch' + ${field('at')}::bigint * interval '1 millisecond',
         ${field('surface')}, ${field('model')}, ${field('provider')}, ${field('upstream')},
         ${field('status')}::smallint, ${field('outcome')}, ${field('stream')}::boolean,
         ${field('in')}::integer, ${field('cached')}::integer, ${field('out')}::integer, ${field('reasoning')}::integer,
         ${field('source')}, ${field('cost')}::bigint, ${field('price')}, ${field('ms')}::integer, ${field('first')}::integer,
         coalesce(${field('features')}, '0')::integer
    FROM (${ROWS}) AS rows
   WHERE EXISTS (SELECT FROM moved)
  ${onConflict}
  RETURNING id, ${ROLLED_UP_COLUMNS}
), charged AS MATERIALIZED (${CHARGES}
), added AS (
  INSERT INTO key_usage_totals AS total (
    organization_id, key_id, requests, input_tokens, output_tokens, cost_nanos, last_used_at
  )
  SELECT organization_id, key_id, count(*), sum(input_tokens), sum(output_tokens), sum(cost_nanos), max(occurred_at)
    FROM inserted GROUP BY organization_id, key_id ORDER BY organization_id, key_id
  ON CONFLICT (organization_id, key_id) DO UPDATE SET
    requests = total.requests + excluded.requests,
    input_tokens = total.input_tokens + excluded.input_tokens,
    output_tokens = total.output_tokens + excluded.output_tokens,
    cost_nanos = total.cost_nanos + excluded.cost_nanos,
    last_used_at = greatest(total.last_used_at, excluded.last_used_at)
), ${rollUp('inserted')}
SELECT (SELECT count(*) FROM moved)::integer AS moved, (SELECT count(*) FROM inserted)::integer AS inserted,
       (SELECT coalesce(sum(nanos), 0) FROM charged)::text AS charged`;

type Statement = { readonly name: string; readonly sql: string };

/** Looking for each row first costs a third more (measured), and is seldom of use: the position tells what is stored. */
const SHIP_NEW: Statement = { name: 'ship_new_usage', sql: ship('') };
/** For a spool that holds records which came here on another way: one that was restored, or replayed by hand. */
const SHIP_UNKNOWN: Statement = {
  name: 'ship_unknown_usage',
  sql: ship('ON CONFLICT (occurred_at, id) DO NOTHING'),
};

/** Takes the row's lock, so that it waits for a statement that is still running for a connection that was lost. */
const CLAIM = `
INSERT INTO usage_spool_positions (spool_id, segment, position) VALUES ($1, 0, 0)
ON CONFLICT (spool_id) DO UPDATE SET spool_id = excluded.spool_id
RETURNING segment, position`;

const CHECK_VIOLATION = '23514';
const UNIQUE_VIOLATION = '23505';

export type Shipment = {
  readonly spoolId: string;
  readonly from: SpoolPosition;
  readonly to: SpoolPosition;
  /** Read until the promise of the shipment settles. */
  readonly rows: Rows;
};

export type ShipmentResult = {
  /** `false`: the position was not `from`, and nothing was stored. */
  readonly isMoved: boolean;
  /** Records that were not there before. */
  readonly inserted: number;
};

@Injectable()
export class UsageShipmentRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Up to where the spool is stored; its very beginning when it has never been heard of. */
  async positionOf(spoolId: string): Promise<SpoolPosition> {
    const rows = await this.transactions.sql<{ segment: string; position: string }>(CLAIM, [
      spoolId,
    ]);
    return { segment: Number(rows[0]?.segment), offset: Number(rows[0]?.position) };
  }

  /**
   * Stores the records, adds them to their keys' totals and moves the position, all or nothing, whatever organizations
   * they belong to.
   * @throws {UnstorableRecordsError} when PostgreSQL refuses the data
   * @throws {MissingPartitionError} when a day has no partition
   */
  async shipAcrossTenants(shipment: Shipment): Promise<ShipmentResult> {
    try {
      return await this.#run(SHIP_NEW, shipment);
    } catch (error) {
      if (isOfLedger(error) || !isStoredAlready(error)) throw toShipmentError(error);
    }
    try {
      return await this.#run(SHIP_UNKNOWN, shipment);
    } catch (error) {
      throw toShipmentError(error);
    }
  }

  async #run(
    { name, sql }: Statement,
    { spoolId, from, to, rows }: Shipment,
  ): Promise<ShipmentResult> {
    const results = await this.transactions.preparedSql<{ moved: number; inserted: number }>(
      name,
      sql,
      [
        spoolId,
        from.segment,
        from.offset,
        to.segment,
        to.offset,
        // Goes out in binary format, which for text is its bytes: no string is made of it.
        rows.text,
      ],
    );
    return { isMoved: results[0]?.moved === 1, inserted: results[0]?.inserted ?? 0 };
  }
}

function isStoredAlready(error: unknown): boolean {
  return (
    error instanceof QueryFailedError &&
    (error.driverError as { code?: string }).code === UNIQUE_VIOLATION
  );
}

/** A record is not to blame for what goes wrong in the ledger: the batch is tried again for as long as it takes. */
function isOfLedger(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  return (error.driverError as { where?: string }).where?.includes('charge_usage') === true;
}

function toShipmentError(error: unknown): unknown {
  if (!(error instanceof QueryFailedError) || isOfLedger(error)) return error;
  const { code = '', constraint } = error.driverError as { code?: string; constraint?: string };
  // A row without a partition is reported as a violated check that has no name.
  if (code === CHECK_VIOLATION && constraint === undefined) return new MissingPartitionError(error);
  return isDataError(code) ? new UnstorableRecordsError(code, error) : error;
}
