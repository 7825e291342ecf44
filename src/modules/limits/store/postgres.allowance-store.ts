import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import {
  type AllowanceState,
  AllowanceStore,
  type Holder,
  HOLDER_TTL_MS,
  type LeaseAnswer,
  type LeaseAsk,
  type RateAnswer,
  type RateAsk,
  type UsedLease,
  WAITING_TTL_MS,
} from './allowance-store.port.js';
import { rateAnswer } from './rate-answer.js';

/** Windows stay for their own length, so that a holder with a slow clock finds them; at least and at most so long. */
const MIN_KEPT_MS = 10 * 60_000;
const MAX_KEPT_MS = 24 * 60 * 60_000;
const SWEEP_ROWS = 5_000;

/** In a row's `holders`: `{<id>: [kept, granted, spent, seen at (ms), fence, waiting since (ms)]}`; under `""` a debt of the window before. */
const DEBT = '';

/** Of what was paid in so much is used when somebody is told that it is low: nine tenths. */
const LOW_FUNDS = 'held.funded / 10 * 9';

/** What may be granted to the first, or to one of several holders. Whoever asks in advance leaves the others their share. */
const grant = (holders: string): string => `
  CASE WHEN a.rest >= a.need
       THEN a.need + least(a.want, (a.rest - a.need) / (2 * ${holders}))
       ELSE greatest(0, a.rest) END AS granted`;

/** 1: the share is used at which somebody is told; 2: all of it is. Told once for each window, whoever asks. */
const LEVEL = `
  (CASE WHEN a.is_parallel THEN 0
        WHEN a.others + a.kept + a.granted >= a.max THEN 2
        WHEN a.others + a.kept + a.granted >= a.alert_at THEN 1 ELSE 0 END)::smallint AS level`;

/** Who has what it needs waits no more. */
const ENTRY = `
  jsonb_build_object($1::text, jsonb_build_array(
    a.kept, a.granted, a.own_spent, (SELECT now FROM clock), $2::bigint,
    CASE WHEN a.granted < a.need THEN (SELECT now FROM clock) - a.waiting_ms END))`;

/** Of an entry of `holders`: its oldest call’s time, as long as it is heard of. */
const WAITING_SINCE = `
  CASE WHEN (value->>3)::bigint >= (SELECT now FROM clock) - ${WAITING_TTL_MS} THEN (value->>5)::bigint END`;

/**
 * One statement for all leases of a holder. A row’s lock is taken in the order of the names, so that two holders can’t
 * wait for each other; what is in `DO UPDATE` reads the row as it is once the lock is held. It is planned each time, for
 * connection poolers keep no prepared statements: so it goes step by step, where joins would take milliseconds to plan.
 */
const EXCHANGE = `
WITH ask AS MATERIALIZED (
  SELECT * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::boolean[],
                       $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
                       $16::bigint[])
    AS a (allowance, starts_at, organization_id, ends_at, delete_at, asked_max, is_parallel, debt_from, keep, spent, need, want,
          asked_alert_at, waiting_ms)
), clock AS MATERIALIZED (
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
), opening AS MATERIALIZED (
  SELECT a.*, a.asked_max AS max, a.asked_alert_at AS alert_at, coalesce(a.keep, 0) AS kept,
         CASE WHEN a.keep IS NULL THEN 0 ELSE a.spent END AS own_spent,
         coalesce(greatest(0, (SELECT before.total - a.asked_max FROM allowance_windows AS before
           WHERE before.allowance = a.allowance AND before.starts_at = a.debt_from)), 0) AS others
    FROM ask AS a
), opening_rest AS MATERIALIZED (
  SELECT a.*, a.max - a.others - a.kept AS rest FROM opening AS a
), opening_grant AS MATERIALIZED (
  SELECT a.*, ${grant('1')} FROM opening_rest AS a
), opened AS MATERIALIZED (
  SELECT a.*, ${LEVEL} FROM opening_grant AS a
)
INSERT INTO allowance_windows AS held (
  allowance, starts_at, organization_id, ends_at, delete_at, total, spent, holders, alerted, raised
)
SELECT a.allowance, a.starts_at, a.organization_id, a.ends_at, a.delete_at,
       a.others + a.kept + a.granted, a.others + a.own_spent,
       CASE WHEN a.others = 0 THEN '{}'
            ELSE jsonb_build_object('${DEBT}', jsonb_build_array(a.others, 0, a.others, 0, 0)) END || ${ENTRY},
       a.level, a.level
  FROM opened AS a
 ORDER BY a.allowance, a.starts_at
ON CONFLICT (allowance, starts_at) DO UPDATE SET (total, spent, holders, alerted, raised) = (
  WITH own AS MATERIALIZED (
    SELECT a.*, coalesce(held.funded, a.asked_max) AS max, coalesce(${LOW_FUNDS}, a.asked_alert_at) AS alert_at,
           coalesce(a.keep, (held.holders->$1->>0)::bigint + (held.holders->$1->>1)::bigint, 0) AS kept
      FROM ask AS a WHERE a.allowance = held.allowance AND a.starts_at = held.starts_at
  ), others AS MATERIALIZED (
    SELECT coalesce(sum((value->>0)::bigint + (value->>1)::bigint), 0)::bigint AS others,
           coalesce(sum((value->>2)::bigint), 0)::bigint AS others_spent,
           count(*) FILTER (WHERE ${WAITING_SINCE}
             < (SELECT now FROM clock) - (SELECT coalesce(waiting_ms, 0) FROM own)) AS older,
           count(*) AS count, coalesce(jsonb_object_agg(key, value), '{}') AS entries
      FROM jsonb_each(held.holders)
     WHERE key <> $1 AND NOT (held.ends_at IS NULL AND (value->>3)::bigint < (SELECT now FROM clock) - ${HOLDER_TTL_MS})
  ), rest AS MATERIALIZED (
    SELECT a.*, others.*, CASE WHEN a.keep IS NULL THEN a.kept ELSE a.spent END AS own_spent,
           a.max - others.others - a.kept - others.older AS rest
      FROM own AS a, others
  ), granted AS MATERIALIZED (
    SELECT a.*, ${grant('(a.count + 1)')} FROM rest AS a
  ), levelled AS MATERIALIZED (
    SELECT a.*, ${LEVEL} FROM granted AS a
  )
  SELECT a.others + a.kept + a.granted, a.others_spent + a.own_spent, a.entries || ${ENTRY},
         greatest(held.alerted, a.level), CASE WHEN a.level > held.alerted THEN a.level ELSE 0 END
    FROM levelled AS a
)
WHERE coalesce((held.holders->$1->>4)::bigint, -1) < $2::bigint
RETURNING allowance, starts_at, total, spent, funded, (holders->$1->>0)::bigint AS kept, (holders->$1->>1)::bigint AS granted,
          raised, (SELECT count(*) FROM jsonb_object_keys(holders)) AS holders,
          CASE WHEN ends_at IS NULL THEN (SELECT max(clock.now - ${WAITING_SINCE}) FROM jsonb_each(holders), clock
                WHERE key <> $1) END AS others_waiting_ms`;

const RECOVER = `
WITH clock AS MATERIALIZED (
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
), used AS MATERIALIZED (
  SELECT * FROM unnest($4::text[], $5::bigint[], $6::bigint[]) AS u (allowance, starts_at, used)
), own AS (
  SELECT allowance, starts_at FROM allowance_windows, clock
   WHERE holders ? $1 AND (ends_at IS NULL OR ends_at > clock.now)
   ORDER BY allowance, starts_at FOR UPDATE OF allowance_windows
)
UPDATE allowance_windows AS held SET (total, spent, holders) = (
  SELECT others.total + now_used.amount, others.spent + now_used.amount,
         held.holders || jsonb_build_object($1::text, jsonb_build_array(now_used.amount, 0, now_used.amount, 0, $2::bigint))
    FROM (SELECT coalesce(sum((value->>0)::bigint + (value->>1)::bigint), 0)::bigint AS total,
                 coalesce(sum((value->>2)::bigint), 0)::bigint AS spent
            FROM jsonb_each(held.holders) WHERE key <> $1) AS others
   CROSS JOIN (SELECT (held.holders->$1->>0)::bigint + (held.holders->$1->>1)::bigint AS amount) AS granted
   CROSS JOIN LATERAL (
     SELECT CASE WHEN held.ends_at IS NULL THEN 0 WHEN $3::boolean THEN coalesce((SELECT used.used FROM used
                   WHERE used.allowance = held.allowance AND used.starts_at = held.starts_at), 0)
                 ELSE granted.amount END AS amount) AS now_used
)
FROM own WHERE own.allowance = held.allowance AND own.starts_at = held.starts_at`;

/** Parallel requests are summed anew: who is not heard of any more holds none. */
const READ = `
SELECT w.allowance, w.starts_at, own.total AS own_total, own.spent AS own_spent, w.spent,
       CASE WHEN w.ends_at IS NOT NULL THEN w.total ELSE (
         SELECT coalesce(sum((value->>0)::bigint + (value->>1)::bigint), 0)::bigint FROM jsonb_each(w.holders)
          WHERE (value->>3)::bigint >= extract(epoch FROM clock_timestamp()) * 1000 - ${HOLDER_TTL_MS}) END AS total
  FROM allowance_windows AS w
 CROSS JOIN LATERAL (SELECT coalesce((w.holders->$4->>0)::bigint + (w.holders->$4->>1)::bigint, 0) AS total,
                            coalesce((w.holders->$4->>2)::bigint, 0) AS spent) AS own
 WHERE w.organization_id = $1 AND (w.allowance, w.starts_at) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))`;

/** GCRA (ITU-T I.371): `tat` is when the next request would be due at an even pace; a burst may run that far ahead of it. */
const TAKE_RATES = `
WITH ask AS MATERIALIZED (
  SELECT *, 1000 / per_second AS pace
    FROM unnest($1::text[], $2::text[], $3::double precision[], $4::bigint[], $5::bigint[], $6::bigint[])
      AS a (allowance, organization_id, per_second, burst, back, asked)
), clock AS MATERIALIZED (
  SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS now
)
INSERT INTO allowance_rates AS held (allowance, organization_id, tat, granted, seen_at)
SELECT allowance, organization_id, now + least(burst, asked) * pace, least(burst, asked), now
  FROM ask, clock
 ORDER BY allowance
ON CONFLICT (allowance) DO UPDATE SET (tat, granted, seen_at) = (
  SELECT base.tat + g.granted * a.pace, g.granted, clock.now
    FROM ask AS a
   CROSS JOIN clock
   CROSS JOIN LATERAL (SELECT greatest(held.tat - a.back * a.pace, clock.now) AS tat) AS base
   CROSS JOIN LATERAL (SELECT greatest(0, least(a.asked,
     floor((clock.now - base.tat) / a.pace + a.burst + 1e-6)::bigint)) AS granted) AS g
   WHERE a.allowance = held.allowance
)
RETURNING allowance, granted, tat - seen_at AS ahead_ms`;

type WindowRow = {
  readonly allowance: string;
  readonly starts_at: string;
  readonly total: string;
  readonly spent: string;
};
type ExchangeRow = WindowRow & {
  readonly kept: string;
  readonly granted: string;
  readonly raised: number;
  readonly holders: string;
  readonly funded: string | null;
  readonly others_waiting_ms: string | null;
};
type StateRow = WindowRow & { readonly own_total: string; readonly own_spent: string };
type RateRow = { readonly allowance: string; readonly granted: string; readonly ahead_ms: number };

@Injectable()
export class PostgresAllowanceStore extends AllowanceStore {
  override readonly name = 'PostgreSQL';

  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async nextEpoch(): Promise<number> {
    const rows = await this.transactions.sql<{ epoch: string }>(
      `SELECT nextval('allowance_epochs') AS epoch`,
    );
    return Number(rows[0]?.epoch);
  }

  override async recover(holder: Holder, used: readonly UsedLease[] | null): Promise<void> {
    const known = used ?? [];
    await this.transactions.sql(RECOVER, [
      holder.id,
      holder.fence,
      used !== null,
      known.map(({ allowance }) => allowance),
      known.map(({ startsAt }) => startsAt),
      known.map(({ used: amount }) => amount),
    ]);
  }

  override async exchange(
    holder: Holder,
    asks: readonly LeaseAsk[],
  ): Promise<(LeaseAnswer | null)[]> {
    const rows = await this.transactions.preparedSql<ExchangeRow>('exchange_leases', EXCHANGE, [
      holder.id,
      holder.fence,
      asks.map(({ allowance }) => allowance),
      asks.map(({ window }) => window.startsAt),
      asks.map(({ organizationId }) => organizationId),
      asks.map(({ window }) => finite(window.endsAt)),
      asks.map(({ window }) => deleteAt(window)),
      asks.map(({ limit }) => limit),
      asks.map(({ isParallel }) => isParallel),
      asks.map(({ debtFrom }) => debtFrom),
      asks.map(({ keep }) => keep),
      asks.map(({ spent }) => spent),
      asks.map(({ need }) => need),
      asks.map(({ want }) => want),
      asks.map(({ alertAt }) => alertAt),
      asks.map(({ waitingMs }) => waitingMs),
    ]);
    const answers = new Map(rows.map((row) => [nameOf(row.allowance, row.starts_at), row]));
    return asks.map(({ allowance, window }) => {
      const row = answers.get(nameOf(allowance, window.startsAt));
      return row ? toAnswer(row) : null;
    });
  }

  override async takeRates(asks: readonly RateAsk[]): Promise<RateAnswer[]> {
    const rows = await this.transactions.preparedSql<RateRow>('take_rates', TAKE_RATES, [
      asks.map(({ allowance }) => allowance),
      asks.map(({ organizationId }) => organizationId),
      asks.map(({ perSecond }) => perSecond),
      asks.map(({ burst }) => burst),
      asks.map(({ back }) => back),
      asks.map(({ need, want }) => need + want),
    ]);
    const answers = new Map(rows.map((row) => [row.allowance, row]));
    return asks.map(({ allowance, perSecond, burst }) => {
      const row = answers.get(allowance);
      if (!row) throw new Error('PostgreSQL answered for other rates than it was asked for.');
      return rateAnswer({
        granted: Number(row.granted),
        aheadMs: row.ahead_ms,
        perSecond,
        burst,
      });
    });
  }

  override async read(
    organizationId: string,
    windows: readonly { readonly allowance: string; readonly startsAt: number }[],
    holderId: string,
  ): Promise<AllowanceState[]> {
    const rows = await this.transactions.sql<StateRow>(READ, [
      organizationId,
      windows.map(({ allowance }) => allowance),
      windows.map(({ startsAt }) => startsAt),
      holderId,
    ]);
    return rows.map((row) => ({
      allowance: row.allowance,
      startsAt: Number(row.starts_at),
      total: Number(row.total),
      spent: Number(row.spent),
      own: { total: Number(row.own_total), spent: Number(row.own_spent) },
    }));
  }

  override async readRates(
    organizationId: string,
    allowances: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    if (allowances.length === 0) return new Map();
    const rows = await this.transactions.sql<{ allowance: string; ahead_ms: number }>(
      `SELECT allowance, greatest(0, tat - extract(epoch FROM clock_timestamp())::double precision * 1000) AS ahead_ms
         FROM allowance_rates WHERE organization_id = $1 AND allowance = ANY ($2::text[])`,
      [organizationId, allowances],
    );
    return new Map(rows.map((row) => [row.allowance, row.ahead_ms]));
  }

  override async sweep(): Promise<void> {
    const now = this.clock.now();
    await this.transactions.sql(
      `DELETE FROM allowance_windows WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM allowance_windows WHERE delete_at < $1 LIMIT ${SWEEP_ROWS} FOR UPDATE SKIP LOCKED))`,
      [now],
    );
    await this.transactions.sql(
      `DELETE FROM allowance_rates WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM allowance_rates WHERE greatest(tat, seen_at) < $1 LIMIT ${SWEEP_ROWS} FOR UPDATE SKIP LOCKED))`,
      [now - MIN_KEPT_MS],
    );
  }

  override close(): void {
    // The connections are everybody's.
  }
}

function toAnswer(row: ExchangeRow): LeaseAnswer {
  return {
    kept: Number(row.kept),
    granted: Number(row.granted),
    total: Number(row.total),
    spent: Number(row.spent),
    holders: Number(row.holders),
    funded: row.funded === null ? null : Number(row.funded),
    othersWaitingMs: row.others_waiting_ms === null ? null : Number(row.others_waiting_ms),
    reached: row.raised === 0 ? null : row.raised === 1 ? 'threshold' : 'limit',
  };
}

function nameOf(allowance: string, startsAt: number | string): string {
  return `${startsAt} ${allowance}`;
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null;
}

function deleteAt({ startsAt, endsAt }: LeaseAsk['window']): number | null {
  if (!Number.isFinite(endsAt)) return null;
  return endsAt + Math.min(MAX_KEPT_MS, Math.max(MIN_KEPT_MS, endsAt - startsAt));
}
