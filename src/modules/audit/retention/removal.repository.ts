import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** Entries that stand one behind the other, as they are now. */
export type Standing = {
  readonly count: number;
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  /** When the last of them may go; `null` where there are none. */
  readonly keptUntil: Date | null;
};

type Range = { readonly after: number; readonly upTo: number };

/** A day here has 24 hours, whatever the database's time zone. Of somebody else's time without end we wait as long as for anything. */
const STANDING = `
SELECT count(*)::integer AS count, min(occurred_at) AS "firstAt", max(occurred_at) AS "lastAt",
       max(least(entry.occurred_at, $5::timestamptz)
           + greatest($4::integer, coalesce(retention.days, 0)) * interval '24 hours') AS "keptUntil"
  FROM audit_entries AS entry
  LEFT JOIN audit_retentions AS retention
    ON retention.organization_id = entry.organization_id AND retention.key_id = entry.key_id
 WHERE entry.organization_id = $1 AND entry.sequence > $2 AND entry.sequence <= $3`;

const DUE = `
SELECT size FROM (
  (SELECT size FROM audit_checkpoints
    WHERE organization_id = $1 AND NOT is_cut AND kept_until IS NULL AND created_at <= $2
    ORDER BY created_at LIMIT $4)
  UNION ALL
  (SELECT size FROM audit_checkpoints
    WHERE organization_id = $1 AND NOT is_cut AND kept_until <= $3
    ORDER BY kept_until LIMIT $4)
) AS due ORDER BY size LIMIT $4`;

/** Stretches of the chain that end with a checkpoint, and when they may go. */
@Injectable()
export class RemovalRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * Checkpoints before which something may have to go, in their order.
   * @param before those that nobody has looked at and that are as old as this
   */
  async due(
    organizationId: string,
    { before, now }: { readonly before: Date; readonly now: Date },
    limit: number,
  ): Promise<number[]> {
    const rows = await this.transactions.sql<{ size: string }>(DUE, [
      organizationId,
      before,
      now,
      limit,
    ]);
    return rows.map(({ size }) => Number(size));
  }

  /** @param days for which entries of the organization are kept at least */
  async standingOf(
    organizationId: string,
    { after, upTo }: Range,
    { days, now }: { readonly days: number; readonly now: Date },
  ): Promise<Standing> {
    const [row] = await this.transactions.sql<Standing>(STANDING, [
      organizationId,
      after,
      upTo,
      days,
      now,
    ]);
    return row ?? { count: 0, firstAt: null, lastAt: null, keptUntil: null };
  }

  /** Of the entries before this checkpoint something is kept. */
  async keepUntil(organizationId: string, size: number, until: Date): Promise<void> {
    await this.transactions.sql(
      'UPDATE audit_checkpoints SET kept_until = $3 WHERE organization_id = $1 AND size = $2 AND NOT is_cut',
      [organizationId, size, until],
    );
  }

  async lookAgain(organizationId: string): Promise<void> {
    await this.transactions.sql(
      `UPDATE audit_checkpoints SET kept_until = NULL
        WHERE organization_id = $1 AND NOT is_cut AND kept_until < 'infinity'`,
      [organizationId],
    );
  }

  /** @returns how many there were */
  async remove(organizationId: string, { after, upTo }: Range): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `WITH removed AS (
         DELETE FROM audit_entries
          WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3 RETURNING 1)
       SELECT count(*)::integer AS count FROM removed`,
      [organizationId, after, upTo],
    );
    await this.transactions.sql(
      `UPDATE audit_checkpoints SET kept_until = 'infinity'
        WHERE organization_id = $1 AND NOT is_cut AND size > $2 AND size <= $3`,
      [organizationId, after, upTo],
    );
    return row?.count ?? 0;
  }
}
