import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** A row of `audit_checkpoints`. */
export type StoredCheckpoint = {
  readonly size: number;
  /** All up to it was removed, when its time was over. */
  readonly isCut: boolean;
  readonly rootHash: Buffer;
  readonly note: string;
  readonly createdAt: Date;
};

type Row = {
  readonly size: string;
  readonly is_cut: boolean;
  readonly root_hash: Buffer;
  readonly note: string;
  readonly created_at: Date;
};

const COLUMNS = 'size, is_cut, root_hash, note, created_at';

@Injectable()
export class CheckpointRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** @returns whether there was none yet */
  async insert(organizationId: string, checkpoint: StoredCheckpoint): Promise<boolean> {
    const rows = await this.transactions.sql(
      `INSERT INTO audit_checkpoints (organization_id, size, is_cut, root_hash, note, created_at)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING size`,
      [
        organizationId,
        checkpoint.size,
        checkpoint.isCut,
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

  newestCut(organizationId: string): Promise<StoredCheckpoint | null> {
    return this.#first('organization_id = $1 AND is_cut ORDER BY size DESC', [organizationId]);
  }

  /** Of these sizes, in their order. */
  async between(organizationId: string, first: number, last: number): Promise<StoredCheckpoint[]> {
    const rows = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM audit_checkpoints
        WHERE organization_id = $1 AND size BETWEEN $2 AND $3 ORDER BY size, is_cut`,
      [organizationId, first, last],
    );
    return rows.map(checkpointOf);
  }

  /** Newest first, behind `after`. */
  async page(
    organizationId: string,
    after: Pick<StoredCheckpoint, 'size' | 'isCut'> | null,
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
    isCut: row.is_cut,
    rootHash: row.root_hash,
    note: row.note,
    createdAt: row.created_at,
  };
}
