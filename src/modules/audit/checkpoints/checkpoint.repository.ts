import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** A row of `audit_checkpoints`. */
export type StoredCheckpoint = {
  readonly size: number;
  /** Of a cut: the entries behind this place were removed when their time was over, up to `size`. `null`: it is none. */
  readonly removedAfter: number | null;
  readonly rootHash: Buffer;
  readonly note: string;
  readonly createdAt: Date;
};

/** No two of an organization have the same. */
export type CheckpointPlace = { readonly size: number; readonly isCut: boolean };

type Row = {
  readonly size: string;
  readonly removed_after: string | null;
  readonly root_hash: Buffer;
  readonly note: string;
  readonly created_at: Date;
};

const COLUMNS = 'size, removed_after, root_hash, note, created_at';

@Injectable()
export class CheckpointRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** @returns whether there was none yet */
  async insert(organizationId: string, checkpoint: StoredCheckpoint): Promise<boolean> {
    const rows = await this.transactions.sql(
      `INSERT INTO audit_checkpoints (organization_id, size, is_cut, removed_after, root_hash, note, created_at)
       VALUES ($1, $2, $3::bigint IS NOT NULL, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING size`,
      [
        organizationId,
        checkpoint.size,
        checkpoint.removedAfter,
        checkpoint.rootHash,
        checkpoint.note,
        checkpoint.createdAt,
      ],
    );
    return rows.length > 0;
  }

  newest(organizationId: string): Promise<StoredCheckpoint | null> {
    return this.#first('organization_id = $1 ORDER BY size DESC, is_cut', [organizationId]);
  }

  /** The last below this size that is no cut. */
  before(organizationId: string, size: number): Promise<StoredCheckpoint | null> {
    return this.#first('organization_id = $1 AND NOT is_cut AND size < $2 ORDER BY size DESC', [
      organizationId,
      size,
    ]);
  }

  /** No cut. */
  at(organizationId: string, size: number): Promise<StoredCheckpoint | null> {
    return this.#first('organization_id = $1 AND NOT is_cut AND size = $2', [organizationId, size]);
  }

  /** What ends here. */
  cutAt(organizationId: string, size: number): Promise<StoredCheckpoint | null> {
    return this.#first('organization_id = $1 AND is_cut AND size = $2', [organizationId, size]);
  }

  /** What leads on from here, over entries that were removed, as far as possible. */
  cutAcross(organizationId: string, size: number): Promise<StoredCheckpoint | null> {
    return this.#first(
      'organization_id = $1 AND is_cut AND removed_after <= $2 AND size > $2 ORDER BY size DESC',
      [organizationId, size],
    );
  }

  /** Behind `after`, up to this size, in their order. */
  async between(
    organizationId: string,
    after: CheckpointPlace,
    last: number,
    limit: number,
  ): Promise<StoredCheckpoint[]> {
    const rows = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM audit_checkpoints
        WHERE organization_id = $1 AND (size, is_cut) > ($2, $3) AND size <= $4
        ORDER BY size, is_cut LIMIT $5`,
      [organizationId, after.size, after.isCut, last, limit],
    );
    return rows.map(checkpointOf);
  }

  /** Newest first, behind `after`. */
  async page(
    organizationId: string,
    after: CheckpointPlace | null,
    limit: number,
  ): Promise<StoredCheckpoint[]> {
    const rows = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM audit_checkpoints
        WHERE organization_id = $1
          AND ($2::bigint IS NULL OR size < $2 OR (size = $2 AND is_cut > $3::boolean))
        ORDER BY size DESC, is_cut LIMIT $4`,
      [organizationId, after?.size ?? null, after?.isCut ?? null, limit],
    );
    return rows.map(checkpointOf);
  }

  /** Who has an audit log, from the one after `afterId` on, by id. One step into the index for each. */
  async organizationsAcrossTenants(afterId: string, limit: number): Promise<string[]> {
    const rows = await this.transactions.sql<{ organization_id: string }>(
      `WITH RECURSIVE owners AS (
         (SELECT organization_id FROM audit_entries WHERE organization_id > $1
           ORDER BY organization_id LIMIT 1)
         UNION ALL
         SELECT next.organization_id
           FROM owners, LATERAL (
             SELECT organization_id FROM audit_entries WHERE organization_id > owners.organization_id
              ORDER BY organization_id LIMIT 1) AS next)
       SELECT organization_id FROM owners LIMIT $2`,
      [afterId, limit],
    );
    return rows.map((row) => row.organization_id);
  }

  async #first(condition: string, parameters: unknown[]): Promise<StoredCheckpoint | null> {
    const [row] = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM audit_checkpoints WHERE ${condition} LIMIT 1`,
      parameters,
    );
    return row ? checkpointOf(row) : null;
  }
}

function checkpointOf(row: Row): StoredCheckpoint {
  return {
    size: Number(row.size),
    removedAfter: row.removed_after === null ? null : Number(row.removed_after),
    rootHash: row.root_hash,
    note: row.note,
    createdAt: row.created_at,
  };
}
