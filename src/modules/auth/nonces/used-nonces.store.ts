import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { toError } from '#common/errors/to-error.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

const MAX_BATCH = 500;
/** Calls that wait for PostgreSQL. Beyond it they would have to wait longer than anybody does. */
const MAX_WAITING = 10_000;
/** A caller is answered within 5 s, whatever PostgreSQL does. */
const PATIENCE_MS = 4_500;

type Waiting = {
  readonly keyId: string;
  readonly hash: Buffer;
  readonly expiresAt: Date;
  /** Without an error: it is the first. */
  readonly settle: (error: Error | null) => void;
  isOver: boolean;
};

/**
 * Which nonces were used. They are in PostgreSQL alone, so that no lost cache lets a request be replayed, and its primary
 * key decides which of many parallel replays is the first, over all instances. Calls that come while an insert is under
 * way share the next one.
 */
@Injectable()
export class UsedNonces {
  #waiting: Waiting[] = [];
  #isInserting = false;

  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * Uses a nonce up. Resolves once that is stored, for one caller only.
   * @param rememberMs how long nobody else may use it
   * @throws {AppError} `nonce_replayed`; `service_unavailable` when it can’t be known within 5 s
   */
  use(keyId: string, nonce: string, rememberMs: number): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        keyId,
        hash: createHash('sha256').update(nonce).digest(),
        expiresAt: new Date(this.clock.now() + rememberMs),
        isOver: false,
        settle: (error) => {
          waiting.isOver = true;
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        },
      };
      const timer = setTimeout(() => waiting.settle(unavailable()), PATIENCE_MS);
      this.#waiting.push(waiting);
      if (!this.#isInserting) void this.#insertAll();
    });
  }

  /**
   * Deletes at most `maxRecords` whose time is over.
   * @returns how many
   */
  async purge(maxRecords: number): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `WITH gone AS (
         DELETE FROM used_nonces WHERE (key_id, nonce_hash) IN
           (SELECT key_id, nonce_hash FROM used_nonces WHERE expires_at <= $1 LIMIT $2)
         RETURNING 1)
       SELECT count(*)::int AS count FROM gone`,
      [new Date(this.clock.now()), maxRecords],
    );
    return row?.count ?? 0;
  }

  async #insertAll(): Promise<void> {
    this.#isInserting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH).filter(({ isOver }) => !isOver);
      try {
        const fresh = await this.#insert(batch);
        // Of several with one nonce in a batch the first has it.
        for (const one of batch) one.settle(fresh.delete(nameOf(one)) ? null : replayed());
      } catch (error) {
        for (const one of batch) one.settle(toError(error));
      }
    }
    this.#isInserting = false;
  }

  /** Always in the same order: two instances that insert the same ones must not wait for each other. */
  async #insert(batch: readonly Waiting[]): Promise<Set<string>> {
    if (batch.length === 0) return new Set();
    const rows = await this.transactions.sql<{ keyId: string; hash: Buffer }>(
      `INSERT INTO used_nonces (key_id, nonce_hash, expires_at)
       SELECT * FROM unnest($1::text[], $2::bytea[], $3::timestamptz[]) ORDER BY 1, 2
       ON CONFLICT DO NOTHING
       RETURNING key_id AS "keyId", nonce_hash AS hash`,
      [
        batch.map(({ keyId }) => keyId),
        batch.map(({ hash }) => hash),
        batch.map(({ expiresAt }) => expiresAt),
      ],
    );
    return new Set(rows.map(nameOf));
  }
}

function nameOf({ keyId, hash }: { readonly keyId: string; readonly hash: Buffer }): string {
  return keyId + hash.toString('latin1');
}

function replayed(): AppError {
  return new AppError('nonce_replayed');
}

function unavailable(): AppError {
  return new AppError('service_unavailable', { headers: { 'retry-after': '1' } });
}
