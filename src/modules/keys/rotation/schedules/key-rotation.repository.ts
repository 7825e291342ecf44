import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyRotation } from './key-rotation.js';

const COLUMNS = `key_id AS "keyId", organization_id AS "organizationId", created_by AS "setBy", enabled, schedule, time_zone AS "timeZone", strategy,
  grace_period_ms::float8 AS "gracePeriodMs", auto_update_apps AS "autoUpdateApps", next_at AS "nextAt", last_at AS "lastAt",
  told_at AS "toldAt", watch_at AS "watchAt"`;

/** Rows are only written by who has locked their key. */
@Injectable()
export class KeyRotationRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async find(organizationId: string, keyId: string): Promise<KeyRotation | null> {
    const [row] = await this.transactions.sql<KeyRotation>(
      `SELECT ${COLUMNS} FROM key_rotations WHERE organization_id = $1 AND key_id = $2`,
      [organizationId, keyId],
    );
    return row ?? null;
  }

  async organizationOfAcrossTenants(keyId: string): Promise<string | null> {
    const [row] = await this.transactions.sql<{ organizationId: string }>(
      'SELECT organization_id AS "organizationId" FROM key_rotations WHERE key_id = $1',
      [keyId],
    );
    return row?.organizationId ?? null;
  }

  /** Sets a key’s schedule. What it had comes after it. */
  async put(rotation: KeyRotation, at: Date): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO key_rotations (key_id, organization_id, enabled, schedule, time_zone, strategy, grace_period_ms,
         auto_update_apps, next_at, created_by, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
       ON CONFLICT (key_id) DO UPDATE SET enabled = EXCLUDED.enabled, schedule = EXCLUDED.schedule,
         time_zone = EXCLUDED.time_zone, strategy = EXCLUDED.strategy, grace_period_ms = EXCLUDED.grace_period_ms,
         auto_update_apps = EXCLUDED.auto_update_apps, next_at = EXCLUDED.next_at,
         created_by = EXCLUDED.created_by, updated_at = EXCLUDED.updated_at`,
      [
        rotation.keyId,
        rotation.organizationId,
        rotation.enabled,
        rotation.schedule,
        rotation.timeZone,
        rotation.strategy,
        rotation.gracePeriodMs,
        rotation.autoUpdateApps,
        rotation.nextAt,
        rotation.setBy,
        at,
      ],
    );
  }

  /** Writes how far a rotation is. */
  async update(rotation: KeyRotation): Promise<void> {
    const { keyId, organizationId, enabled, nextAt, lastAt, toldAt, watchAt } = rotation;
    await this.transactions.sql(
      `UPDATE key_rotations SET enabled = $3, next_at = $4, last_at = $5, told_at = $6, watch_at = $7
        WHERE organization_id = $1 AND key_id = $2`,
      [organizationId, keyId, enabled, nextAt, lastAt, toldAt, watchAt],
    );
  }

  /** Keys whose time has come, in the order of their ids, after `after`. */
  async listDueAcrossTenants(now: Date, after: string, limit: number): Promise<string[]> {
    return this.#keysWhere('enabled AND next_at <= $1', [now, after, limit]);
  }

  /**
   * Keys of which something is to be told: that they are rotated before `soon`; or that a secret still waits, also where the
   * time of the old one was set earlier than the next look at it.
   */
  async listToRemindAcrossTenants(
    { now, soon }: { readonly now: Date; readonly soon: Date },
    after: string,
    limit: number,
  ): Promise<string[]> {
    return this.#keysWhere(
      `(enabled AND next_at <= $4 AND told_at IS DISTINCT FROM next_at) OR watch_at <= $1
       OR watch_at > (SELECT max(expires_at) FROM api_key_secrets secret
                       WHERE secret.key_id = key_rotations.key_id AND sealed IS NULL AND expires_at > $1)`,
      [now, after, limit, soon],
    );
  }

  async #keysWhere(condition: string, parameters: readonly unknown[]): Promise<string[]> {
    const rows = await this.transactions.sql<{ keyId: string }>(
      `SELECT key_id AS "keyId" FROM key_rotations WHERE (${condition}) AND key_id > $2 ORDER BY key_id LIMIT $3`,
      parameters,
    );
    return rows.map(({ keyId }) => keyId);
  }
}
