import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { Retention } from './domain/retention.js';

/** In the place of a key: what is the organization's own. */
export const OF_ORGANIZATION = '';

type Row = {
  readonly key_id: string;
  readonly days: number;
  readonly shorter_days: number | null;
  readonly shorter_from: Date | null;
};

const KEEP = `
INSERT INTO audit_retentions (organization_id, key_id, days, shorter_days, shorter_from)
SELECT $1, retention.* FROM unnest($2::text[], $3::integer[], $4::integer[], $5::timestamptz[]) AS retention
ON CONFLICT (organization_id, key_id) DO UPDATE SET
  days = excluded.days, shorter_days = excluded.shorter_days, shorter_from = excluded.shorter_from`;

/** What counts of what keys and organizations say of the time that entries are kept. */
@Injectable()
export class RetentionRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async find(organizationId: string, keyId: string): Promise<Retention | null> {
    const [row] = await this.transactions.sql<Row>(
      `SELECT key_id, days, shorter_days, shorter_from FROM audit_retentions
        WHERE organization_id = $1 AND key_id = $2`,
      [organizationId, keyId],
    );
    return row ? retentionOf(row) : null;
  }

  /** By key, of those behind `after`. @param upTo the last; `null`: all */
  async ofKeys(
    organizationId: string,
    after: string,
    upTo: string | null,
  ): Promise<Map<string, Retention>> {
    const rows = await this.transactions.sql<Row>(
      `SELECT key_id, days, shorter_days, shorter_from FROM audit_retentions
        WHERE organization_id = $1 AND key_id > $2 AND ($3::text IS NULL OR key_id <= $3)`,
      [organizationId, after, upTo],
    );
    return new Map(rows.map((row) => [row.key_id, retentionOf(row)]));
  }

  async keep(organizationId: string, retentions: ReadonlyMap<string, Retention>): Promise<void> {
    const all = [...retentions];
    await this.transactions.sql(KEEP, [
      organizationId,
      all.map(([keyId]) => keyId),
      all.map(([, { days }]) => days),
      all.map(([, { shorter }]) => shorter?.days ?? null),
      all.map(([, { shorter }]) => (shorter ? new Date(shorter.from) : null)),
    ]);
  }
}

function retentionOf({ days, shorter_days, shorter_from }: Row): Retention {
  const isToShorten = shorter_days !== null && shorter_from !== null;
  return { days, shorter: isToShorten ? { days: shorter_days, from: Number(shorter_from) } : null };
}
