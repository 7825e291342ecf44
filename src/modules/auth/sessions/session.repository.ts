import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { IDLE_MS } from './session-times.js';

export type StoredSession = {
  readonly id: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
};

export type NewSession = StoredSession & {
  readonly tokenHash: Buffer;
  readonly address: string | null;
  readonly agent: string | null;
};

/** One that is gone. */
export type EndedSession = Pick<StoredSession, 'id' | 'organizationId'>;

const ENDED = 'RETURNING id, organization_id AS "organizationId"';
const COLUMNS = `id, user_id AS "userId", organization_id AS "organizationId",
  last_used_at AS "lastUsedAt", expires_at AS "expiresAt"`;

/** Sessions are found by their token alone: it is their tenant. */
@Injectable()
export class SessionRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(session: NewSession): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO sessions (id, token_hash, user_id, organization_id, created_at, last_used_at, expires_at, address, agent)
       VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)`,
      [
        session.id,
        session.tokenHash,
        session.userId,
        session.organizationId,
        session.lastUsedAt,
        session.expiresAt,
        session.address,
        session.agent,
      ],
    );
  }

  async findByHashAcrossTenants(tokenHash: Buffer): Promise<StoredSession | null> {
    const [found] = await this.transactions.sql<StoredSession>(
      `SELECT ${COLUMNS} FROM sessions WHERE token_hash = $1`,
      [tokenHash],
    );
    return found ?? null;
  }

  async findByIdAcrossTenants(id: string): Promise<StoredSession | null> {
    const [found] = await this.transactions.sql<StoredSession>(
      `SELECT ${COLUMNS} FROM sessions WHERE id = $1`,
      [id],
    );
    return found ?? null;
  }

  /** Of the user's sessions only the newest stay. Answers the others. */
  async keepNewestAcrossTenants(userId: string, count: number): Promise<EndedSession[]> {
    return this.transactions.sql<EndedSession>(
      `DELETE FROM sessions WHERE id IN (
         SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC OFFSET $2)
       ${ENDED}`,
      [userId, count],
    );
  }

  async endAcrossTenants(userId: string, id: string): Promise<EndedSession[]> {
    return this.transactions.sql<EndedSession>(
      `DELETE FROM sessions WHERE user_id = $1 AND id = $2 ${ENDED}`,
      [userId, id],
    );
  }

  /** @param exceptId of the one that stays; `null`: none */
  async endAllAcrossTenants(userId: string, exceptId: string | null): Promise<EndedSession[]> {
    return this.transactions.sql<EndedSession>(
      `DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2 ${ENDED}`,
      [userId, exceptId],
    );
  }

  async noteUsesAcrossTenants(uses: readonly (readonly [id: string, at: Date])[]): Promise<void> {
    await this.transactions.sql(
      `UPDATE sessions SET last_used_at = GREATEST(last_used_at, used.at)
         FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at) WHERE sessions.id = used.id`,
      [uses.map(([id]) => id), uses.map(([, at]) => at)],
    );
  }

  /**
   * Deletes at most `maxRecords` whose time is over, or that nobody has used for too long.
   * @returns how many
   */
  async purge(now: number, maxRecords: number): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `WITH gone AS (
         DELETE FROM sessions WHERE id IN (
           SELECT id FROM sessions WHERE expires_at <= $1 OR last_used_at <= $2 LIMIT $3)
         RETURNING 1)
       SELECT count(*)::int AS count FROM gone`,
      [new Date(now), new Date(now - IDLE_MS), maxRecords],
    );
    return row?.count ?? 0;
  }
}
