import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import type { Secret } from '#common/secret/secret.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** Only the SHA-256 of a token is stored, which is random. A token is its own tenant. */
@Injectable()
export class PasswordResetRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(userId: string, token: Secret, now: Date, expiresAt: Date): Promise<void> {
    await this.transactions.sql(
      'INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)',
      [hashOf(token), userId, now, expiresAt],
    );
  }

  /** Whose it is; `null` for one that is unknown, used or too old. */
  async findUserAcrossTenants(token: Secret, now: Date): Promise<string | null> {
    const [found] = await this.transactions.sql<{ id: string }>(
      'SELECT user_id AS id FROM password_resets WHERE token_hash = $1 AND expires_at > $2',
      [hashOf(token), now],
    );
    return found?.id ?? null;
  }

  /** Uses it up: of several at once, only one is told `true`. */
  async useAcrossTenants(token: Secret, now: Date): Promise<boolean> {
    const used = await this.transactions.sql(
      'DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id',
      [hashOf(token), now],
    );
    return used.length > 0;
  }

  /** All of a user's. */
  async forgetAcrossTenants(userId: string): Promise<void> {
    await this.transactions.sql('DELETE FROM password_resets WHERE user_id = $1', [userId]);
  }

  /**
   * Deletes at most `maxRecords` that are too old.
   * @returns how many
   */
  async purge(now: Date, maxRecords: number): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `WITH gone AS (
         DELETE FROM password_resets WHERE token_hash IN (
           SELECT token_hash FROM password_resets WHERE expires_at <= $1 LIMIT $2)
         RETURNING 1)
       SELECT count(*)::int AS count FROM gone`,
      [now, maxRecords],
    );
    return row?.count ?? 0;
  }
}

function hashOf(token: Secret): Buffer {
  return createHash('sha256').update(token.reveal()).digest();
}
