import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { SealedBox } from '#platform/crypto/sealed-box.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** How long an answer is kept. */
const ANSWER_TTL_MS = 24 * 3_600_000;
/** How long the secret in an answer is kept: enough for a client that lost the reply to ask again. */
const SECRET_TTL_MS = 10 * 60_000;
const TABLE = 'idempotency_records';

export type Answer = Record<string, unknown>;

export type IdempotentCall = {
  readonly organizationId: string;
  readonly keyId: string;
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string;
  readonly body: unknown;
  readonly secretFields: readonly string[];
};

type StoredAnswer = {
  request_hash: Buffer;
  answer: Answer;
  sealed_secret: Buffer | null;
  secret_until: Date | null;
};

/**
 * Exactly-once creation (IETF draft Idempotency-Key header). The record is written in the transaction of the effect
 * itself: either both are there or neither, whatever is killed when. While the first call runs it holds an advisory
 * lock, which is how a second one is told apart from a first.
 */
@Injectable()
export class IdempotencyStore {
  readonly #box: SealedBox;

  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    rootKey: RootKey,
  ) {
    this.#box = new SealedBox(rootKey, 'idempotency');
  }

  /**
   * Runs `create`, or answers what it answered before.
   * @throws {AppError} `idempotency_in_progress`, `idempotency_key_reused`
   */
  async once(
    call: IdempotentCall,
    create: () => Promise<Answer>,
  ): Promise<{ answer: Answer; replayed: boolean }> {
    const scope = hash([
      call.organizationId,
      call.keyId,
      call.method,
      call.path,
      call.idempotencyKey,
    ]);
    const requestHash = hash([JSON.stringify(call.body ?? null)]);
    return this.transactions.run(async () => {
      await this.#lock(scope);
      const stored = await this.#find(scope);
      if (stored) return { answer: this.#replay(stored, scope, requestHash), replayed: true };
      const answer = await create();
      await this.#store(scope, requestHash, call, answer);
      return { answer, replayed: false };
    });
  }

  /** Forgets secrets whose time is over, and deletes at most `maxRecords` records that have expired. */
  async purge(maxRecords: number): Promise<void> {
    const now = new Date(this.clock.now());
    await this.transactions.sql(
      `UPDATE ${TABLE} SET sealed_secret = NULL, secret_until = NULL WHERE secret_until <= $1`,
      [now],
    );
    await this.transactions.sql(
      `DELETE FROM ${TABLE} WHERE scope IN (SELECT scope FROM ${TABLE} WHERE expires_at <= $1 LIMIT $2)`,
      [now, maxRecords],
    );
  }

  async #lock(scope: Buffer): Promise<void> {
    const [row] = await this.transactions.sql<{ locked: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS locked',
      [scope.readBigInt64BE().toString()],
    );
    if (!row?.locked) {
      throw new AppError('idempotency_in_progress', { headers: { 'retry-after': '1' } });
    }
  }

  async #find(scope: Buffer): Promise<StoredAnswer | undefined> {
    const [row] = await this.transactions.sql<StoredAnswer>(
      `SELECT request_hash, answer, sealed_secret, secret_until FROM ${TABLE}
        WHERE scope = $1 AND expires_at > $2`,
      [scope, new Date(this.clock.now())],
    );
    return row;
  }

  #replay(stored: StoredAnswer, scope: Buffer, requestHash: Buffer): Answer {
    if (!stored.request_hash.equals(requestHash)) throw new AppError('idempotency_key_reused');
    const { sealed_secret: sealed, secret_until: until } = stored;
    if (!sealed || !until || until.getTime() <= this.clock.now()) return stored.answer;
    return { ...stored.answer, ...(JSON.parse(this.#box.open(sealed, place(scope))) as Answer) };
  }

  async #store(
    scope: Buffer,
    requestHash: Buffer,
    call: IdempotentCall,
    answer: Answer,
  ): Promise<void> {
    const now = this.clock.now();
    const isSecret = ([field]: [string, unknown]): boolean => call.secretFields.includes(field);
    const secrets = Object.entries(answer).filter(isSecret);
    const rest = Object.entries(answer).filter((entry) => !isSecret(entry));
    const sealed =
      secrets.length === 0
        ? null
        : this.#box.seal(JSON.stringify(Object.fromEntries(secrets)), place(scope));
    await this.transactions.sql(
      `INSERT INTO ${TABLE}
         (scope, organization_id, request_hash, answer, sealed_secret, secret_until, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (scope) DO UPDATE SET request_hash = EXCLUDED.request_hash, answer = EXCLUDED.answer,
         sealed_secret = EXCLUDED.sealed_secret, secret_until = EXCLUDED.secret_until,
         created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at`,
      [
        scope,
        call.organizationId,
        requestHash,
        JSON.stringify(Object.fromEntries(rest)),
        sealed,
        sealed && new Date(now + SECRET_TTL_MS),
        new Date(now),
        new Date(now + ANSWER_TTL_MS),
      ],
    );
  }
}

function place(scope: Buffer): { table: string; column: string; row: string } {
  return { table: TABLE, column: 'sealed_secret', row: scope.toString('hex') };
}

/** Length-prefixed parts, so that no two lists hash alike. */
function hash(parts: readonly string[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest();
}
