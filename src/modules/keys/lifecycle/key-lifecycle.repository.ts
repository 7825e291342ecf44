import { Injectable } from '@nestjs/common';

import type { Environment } from '#common/auth/principal.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ExpiryWindow } from './domain/expiry-windows.js';

/** What is told of a key. */
export type DueKey = {
  readonly id: string;
  readonly organizationId: string;
  readonly teamId: string | null;
  readonly name: string;
  readonly environment: Environment;
};
export type ExpiryDue = DueKey & { readonly expiresAt: Date; readonly days: number };
export type EnablingDue = DueKey & { readonly enableAt: Date };
export type RevocationDue = DueKey & {
  readonly revokedAt: Date;
  readonly revokedReason: string | null;
};
export type UsableKey = CursorPosition & {
  /** For which time of its last use it was told, or disabled, already. */
  readonly toldFor: Date | null;
  readonly disabledFor: Date | null;
};

export type Span = { readonly after: Date; readonly until: Date };
export type ToldOf = 'enabling_told_for' | 'revocation_told_for' | 'unused_told_for';

const KEY =
  'key.id, key.organization_id AS "organizationId", key.team_id AS "teamId", key.name, key.environment';
const TOLD = 'LEFT JOIN key_lifecycle AS told ON told.key_id = key.id';
/** Whoever sweeps besides has those that are locked. What a key refers to or is referred by is not held up. */
const LOCKED = 'FOR NO KEY UPDATE OF key SKIP LOCKED';

/**
 * Keys whose time has come, and what was told of them. What is due is locked, so that it is told in one transaction with the
 * mark that says so.
 */
@Injectable()
export class KeyLifecycleRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Those that expire in a window of their organization, and are not revoked when they do. */
  lockExpiriesAcrossTenants(
    windows: readonly (ExpiryWindow & { readonly organizationId: string })[],
    now: Date,
    limit: number,
  ): Promise<ExpiryDue[]> {
    return this.transactions.sql(
      `SELECT ${KEY}, key.expires_at AS "expiresAt", due.days
         FROM unnest($1::text[], $2::integer[], $3::timestamptz[], $4::timestamptz[])
                AS due (organization_id, days, after, until)
         JOIN api_keys AS key ON key.organization_id = due.organization_id
                             AND key.expires_at > due.after AND key.expires_at <= due.until
         ${TOLD}
        WHERE (key.revoked_at IS NULL OR key.revoked_at > least(key.expires_at, $5::timestamptz))
          AND (told.expiry_told_for IS DISTINCT FROM key.expires_at OR told.expiry_told_days > due.days)
        LIMIT $6 ${LOCKED}`,
      [
        windows.map(({ organizationId }) => organizationId),
        windows.map(({ days }) => days),
        windows.map(({ after }) => after),
        windows.map(({ until }) => until),
        now,
        limit,
      ],
    );
  }

  /** Those that came back by themselves, unless they were revoked before. */
  lockEnablingsAcrossTenants({ after, until }: Span, limit: number): Promise<EnablingDue[]> {
    return this.transactions.sql(
      `SELECT ${KEY}, key.enable_at AS "enableAt"
         FROM api_keys AS key ${TOLD}
        WHERE key.enable_at > $1 AND key.enable_at <= $2 AND key.disabled_at IS NOT NULL
          AND (key.revoked_at IS NULL OR key.revoked_at > key.enable_at)
          AND told.enabling_told_for IS DISTINCT FROM key.enable_at
        LIMIT $3 ${LOCKED}`,
      [after, until, limit],
    );
  }

  /** Those whose revocation was planned, which is to say that nothing was changed of them since. */
  lockRevocationsAcrossTenants({ after, until }: Span, limit: number): Promise<RevocationDue[]> {
    return this.transactions.sql(
      `SELECT ${KEY}, key.revoked_at AS "revokedAt", key.revoked_reason AS "revokedReason"
         FROM api_keys AS key ${TOLD}
        WHERE key.revoked_at > $1 AND key.revoked_at <= $2 AND key.revoked_at > key.updated_at
          AND told.revocation_told_for IS DISTINCT FROM key.revoked_at
        LIMIT $3 ${LOCKED}`,
      [after, until, limit],
    );
  }

  /** Those that may call models at `now` and are older than `createdUntil`, the oldest first, from the one behind `after` on. */
  async listUsable(
    organizationId: string,
    { now, createdUntil, after }: { now: Date; createdUntil: Date; after: CursorPosition | null },
    limit: number,
  ): Promise<UsableKey[]> {
    return this.transactions.sql(
      `SELECT key.id, key.created_at AS "createdAt", told.unused_told_for AS "toldFor",
              told.unused_disabled_for AS "disabledFor"
         FROM api_keys AS key ${TOLD}
        WHERE key.organization_id = $1 AND key.created_at <= $2
          AND (key.created_at, key.id) > ($3::timestamptz, $4)
          AND 'inference' = ANY (key.scopes)
          AND (key.revoked_at IS NULL OR key.revoked_at > $5)
          AND (key.expires_at IS NULL OR key.expires_at > $5)
          AND (key.disabled_at IS NULL OR key.enable_at <= $5)
        ORDER BY key.created_at, key.id LIMIT $6`,
      [organizationId, createdUntil, after?.createdAt ?? new Date(0), after?.id ?? '', now, limit],
    );
  }

  /** `null`: none has told of all yet. */
  async sweptUntilAcrossTenants(): Promise<Date | null> {
    const [row] = await this.transactions.sql<{ sweptUntil: Date }>(
      'SELECT swept_until AS "sweptUntil" FROM key_sweeps',
    );
    return row?.sweptUntil ?? null;
  }

  /** Of sweeps that run at once the latest counts. */
  async markSweptAcrossTenants(until: Date): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO key_sweeps (swept_until) VALUES ($1)
       ON CONFLICT (is_only) DO UPDATE SET swept_until = greatest(key_sweeps.swept_until, excluded.swept_until)`,
      [until],
    );
  }

  async markExpiry(key: DueKey, expiresAt: Date, days: number): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO key_lifecycle (key_id, organization_id, expiry_told_for, expiry_told_days) VALUES ($1, $2, $3, $4)
       ON CONFLICT (key_id) DO UPDATE
         SET expiry_told_for = excluded.expiry_told_for, expiry_told_days = excluded.expiry_told_days`,
      [key.id, key.organizationId, expiresAt, days],
    );
  }

  async mark(
    key: Pick<DueKey, 'id' | 'organizationId'>,
    what: ToldOf | 'unused_disabled_for',
    time: Date,
  ): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO key_lifecycle (key_id, organization_id, ${what}) VALUES ($1, $2, $3)
       ON CONFLICT (key_id) DO UPDATE SET ${what} = excluded.${what}`,
      [key.id, key.organizationId, time],
    );
  }
}
