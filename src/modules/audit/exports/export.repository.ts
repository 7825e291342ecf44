import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditExport } from './domain/audit-export.js';
import { EXPORT_COLUMNS, type ExportRow, exportOf } from './export.row.js';

/** Which attempt of which export: what a later one, or whoever cancelled it, has taken over can't be written to any more. */
export type Attempt = Pick<AuditExport, 'organizationId' | 'id' | 'attempt'>;

export type ExportListing = {
  /** `null`: whoever asked. */
  readonly requestedBy: string | null;
  readonly after: CursorPosition | null;
  readonly limit: number;
};

@Injectable()
export class ExportRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(one: AuditExport): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO exports (id, organization_id, key_id, requested_by, format, include_pii, event_types, period_from, period_to,
         state, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)`,
      [
        one.id,
        one.organizationId,
        one.keyId,
        one.requestedBy,
        one.format,
        one.includePii,
        one.eventTypes,
        one.from,
        one.to,
        one.state,
        one.createdAt,
      ],
    );
  }

  /** So that no two count at once. Until the end of the transaction. */
  async lockOrganization(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `exports:${organizationId}`,
    ]);
  }

  async countUnfinished(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM exports WHERE organization_id = $1 AND state IN ('queued', 'running')`,
      [organizationId],
    );
    return row?.count ?? 0;
  }

  async find(organizationId: string, id: string): Promise<AuditExport | null> {
    return this.#one(
      `SELECT ${EXPORT_COLUMNS} FROM exports WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
  }

  /** For a signed link, which names no organization. */
  async findAcrossTenants(id: string): Promise<AuditExport | null> {
    return this.#one(`SELECT ${EXPORT_COLUMNS} FROM exports WHERE id = $1`, [id]);
  }

  async list(organizationId: string, listing: ExportListing): Promise<AuditExport[]> {
    const { requestedBy, after, limit } = listing;
    const rows = await this.transactions.sql<ExportRow>(
      `SELECT ${EXPORT_COLUMNS} FROM exports
       WHERE organization_id = $1 AND ($2::text IS NULL OR requested_by = $2)
         AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
       ORDER BY created_at DESC, id DESC LIMIT $5`,
      [organizationId, requestedBy, after?.createdAt ?? null, after?.id ?? null, limit],
    );
    return rows.map(exportOf);
  }

  /**
   * Begins another attempt. `null` where there is nothing to be done any more, or where whoever is at it was heard of since `heardBefore`.
   */
  async begin(
    organizationId: string,
    id: string,
    { now, heardBefore }: { readonly now: Date; readonly heardBefore: Date },
  ): Promise<AuditExport | null> {
    return this.#one(
      `UPDATE exports SET state = 'running', attempt = attempt + 1, entries_done = 0, bytes = 0, updated_at = $3
       WHERE organization_id = $1 AND id = $2 AND (state = 'queued' OR (state = 'running' AND updated_at < $4))
       RETURNING ${EXPORT_COLUMNS}`,
      [organizationId, id, now, heardBefore],
    );
  }

  /** Gives an attempt up for another one. */
  async release(attempt: Attempt, now: Date): Promise<void> {
    await this.#one(
      `UPDATE exports SET state = 'queued', updated_at = $4
       WHERE organization_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' RETURNING ${EXPORT_COLUMNS}`,
      [...keyOf(attempt), now],
    );
  }

  /** Whether the attempt is still the one that counts. */
  async progress(
    attempt: Attempt,
    done: { readonly entries: number; readonly bytes: number; readonly total: number | null },
    now: Date,
  ): Promise<boolean> {
    const row = await this.#one(
      `UPDATE exports SET entries_done = $4, bytes = $5, entries_total = COALESCE($6, entries_total), updated_at = $7
       WHERE organization_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' RETURNING ${EXPORT_COLUMNS}`,
      [...keyOf(attempt), done.entries, done.bytes, done.total, now],
    );
    return row !== null;
  }

  /** `null` where the attempt is not the one that counts any more. */
  async complete(
    attempt: Attempt,
    { storedIn, expiresAt }: { readonly storedIn: string; readonly expiresAt: Date },
    now: Date,
  ): Promise<AuditExport | null> {
    return this.#one(
      `UPDATE exports SET state = 'ready', stored_in = $4, expires_at = $5, updated_at = $6
       WHERE organization_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' RETURNING ${EXPORT_COLUMNS}`,
      [...keyOf(attempt), storedIn, expiresAt, now],
    );
  }

  async fail(attempt: Attempt, failure: string, now: Date): Promise<AuditExport | null> {
    return this.#one(
      `UPDATE exports SET state = 'failed', failure = $4, updated_at = $5
       WHERE organization_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' RETURNING ${EXPORT_COLUMNS}`,
      [...keyOf(attempt), failure, now],
    );
  }

  async cancel(organizationId: string, id: string, now: Date): Promise<AuditExport | null> {
    return this.#one(
      `UPDATE exports SET state = 'cancelled', updated_at = $3
       WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running') RETURNING ${EXPORT_COLUMNS}`,
      [organizationId, id, now],
    );
  }

  /** What can't be downloaded any more; its object is still to be deleted. `null` where it is not ready. */
  async expire(organizationId: string, id: string, now: Date): Promise<AuditExport | null> {
    return this.#one(
      `UPDATE exports SET state = 'expired', expires_at = LEAST(expires_at, $3), updated_at = $3
       WHERE organization_id = $1 AND id = $2 AND state = 'ready' RETURNING ${EXPORT_COLUMNS}`,
      [organizationId, id, now],
    );
  }

  /** Its object is gone. */
  async forgetObject({ organizationId, id }: AuditExport): Promise<void> {
    await this.transactions.sql(
      'UPDATE exports SET stored_in = NULL WHERE organization_id = $1 AND id = $2',
      [organizationId, id],
    );
  }

  /** Whose job may be lost: nothing was heard of it since `before`. */
  async listStaleAcrossTenants(before: Date, limit: number): Promise<AuditExport[]> {
    const rows = await this.transactions.sql<ExportRow>(
      `SELECT ${EXPORT_COLUMNS} FROM exports WHERE state IN ('queued', 'running') AND updated_at < $1
       ORDER BY updated_at LIMIT $2`,
      [before, limit],
    );
    return rows.map(exportOf);
  }

  async listDueAcrossTenants(now: Date, limit: number): Promise<AuditExport[]> {
    const rows = await this.transactions.sql<ExportRow>(
      `SELECT ${EXPORT_COLUMNS} FROM exports WHERE stored_in IS NOT NULL AND state = 'ready' AND expires_at <= $1
       ORDER BY expires_at LIMIT $2`,
      [now, limit],
    );
    return rows.map(exportOf);
  }

  /** Those of `location` whose object nobody may have any more. */
  async listLeftoversAcrossTenants(location: string, limit: number): Promise<AuditExport[]> {
    const rows = await this.transactions.sql<ExportRow>(
      `SELECT ${EXPORT_COLUMNS} FROM exports WHERE stored_in = $1 AND state <> 'ready' ORDER BY expires_at LIMIT $2`,
      [location, limit],
    );
    return rows.map(exportOf);
  }

  /** Whether another instance has files. */
  async existsElsewhere(location: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      'SELECT 1 FROM exports WHERE stored_in IS NOT NULL AND stored_in <> $1 LIMIT 1',
      [location],
    );
    return rows.length > 0;
  }

  /** What is over since `before` and has no object. */
  async deleteOldAcrossTenants(before: Date, limit: number): Promise<void> {
    await this.transactions.sql(
      `DELETE FROM exports WHERE id IN (
         SELECT id FROM exports WHERE updated_at < $1 AND stored_in IS NULL AND state NOT IN ('queued', 'running')
         LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      [before, limit],
    );
  }

  async #one(query: string, parameters: readonly unknown[]): Promise<AuditExport | null> {
    const [row] = await this.transactions.sql<ExportRow>(query, parameters);
    return row ? exportOf(row) : null;
  }
}

function keyOf({ organizationId, id, attempt }: Attempt): [string, string, number] {
  return [organizationId, id, attempt];
}
