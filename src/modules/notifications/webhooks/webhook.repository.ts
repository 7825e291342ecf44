import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type ChannelReach, REACHED, reachParameters } from '../channel-reach.js';
import type { WebhookTarget } from './webhook-sender.js';

/** Any fixed number: the class of these locks among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_007;

export type WebhookStatus = 'active' | 'disabled';

export type WebhookRow = WebhookTarget & {
  readonly organizationId: string;
  readonly keyId: string | null;
  /** Whose keys it hears of; `null`: it is no team's. */
  readonly teamId: string | null;
  readonly events: string[];
  readonly description: string | null;
  readonly status: WebhookStatus;
  readonly statusReason: string | null;
  readonly failingSince: Date | null;
  readonly createdAt: Date;
};

/** Those left out stay as they are. */
export type WebhookChanges = {
  readonly address?: string | undefined;
  readonly teamId?: string | null | undefined;
  readonly events?: readonly string[] | undefined;
  readonly description?: string | null | undefined;
  readonly status?: WebhookStatus | undefined;
};

const COLUMNS = `id, organization_id AS "organizationId", key_id AS "keyId", team_id AS "teamId", address, events, description, status,
  status_reason AS "statusReason", failing_since AS "failingSince", sealed_secret AS "sealedSecret",
  sealed_old_secret AS "sealedOldSecret", old_secret_expires_at AS "oldSecretExpiresAt", created_at AS "createdAt"`;

/** The channels that are webhooks, whether the organization's, or of one of its teams or keys. */
@Injectable()
export class WebhookRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Until the transaction ends nobody else adds one to this organization. */
  async lockAdding(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
  }

  /** Without those of keys. */
  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM notification_channels
        WHERE organization_id = $1 AND key_id IS NULL AND kind = 'webhook'`,
      [organizationId],
    );
    return row?.count ?? 0;
  }

  async insert(webhook: WebhookRow): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO notification_channels
         (id, organization_id, team_id, kind, address, events, description, status, sealed_secret, created_at)
       VALUES ($1, $2, $3, 'webhook', $4, $5, $6, $7, $8, $9)`,
      [
        webhook.id,
        webhook.organizationId,
        webhook.teamId,
        webhook.address,
        webhook.events,
        webhook.description,
        webhook.status,
        webhook.sealedSecret,
        webhook.createdAt,
      ],
    );
  }

  async find(reach: ChannelReach, id: string): Promise<WebhookRow | null> {
    const [row] = await this.transactions.sql<WebhookRow>(
      `SELECT ${COLUMNS} FROM notification_channels
        WHERE ${REACHED} AND id = $3 AND kind = 'webhook'`,
      [...reachParameters(reach), id],
    );
    return row ?? null;
  }

  async lockForUpdate(reach: ChannelReach, id: string): Promise<WebhookRow | null> {
    const [row] = await this.transactions.sql<WebhookRow>(
      `SELECT ${COLUMNS} FROM notification_channels
        WHERE ${REACHED} AND id = $3 AND kind = 'webhook' FOR UPDATE`,
      [...reachParameters(reach), id],
    );
    return row ?? null;
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    reach: ChannelReach,
    teamId: string | null,
    { after, limit }: { readonly after: CursorPosition | null; readonly limit: number },
  ): Promise<WebhookRow[]> {
    return this.transactions.sql<WebhookRow>(
      `SELECT ${COLUMNS} FROM notification_channels
        WHERE ${REACHED} AND kind = 'webhook' AND ($3::text IS NULL OR team_id = $3)
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5))
        ORDER BY created_at DESC, id DESC LIMIT $6`,
      [...reachParameters(reach), teamId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  /** A new address or a new start forgets how the old one has failed. */
  async update(
    reach: ChannelReach,
    id: string,
    changes: WebhookChanges,
  ): Promise<WebhookRow | null> {
    const [row] = await this.transactions.sql<WebhookRow>(
      `UPDATE notification_channels SET
         address = coalesce($4, address),
         events = coalesce($5, events),
         description = CASE WHEN $6 THEN $7 ELSE description END,
         status = coalesce($8, status),
         status_reason = CASE WHEN $8::text IS NULL THEN status_reason END,
         failing_since = CASE WHEN $4::text IS NULL AND $8 IS DISTINCT FROM 'active' THEN failing_since END,
         consecutive_failures =
           CASE WHEN $4::text IS NULL AND $8 IS DISTINCT FROM 'active' THEN consecutive_failures ELSE 0 END,
         team_id = CASE WHEN $9 THEN $10 ELSE team_id END
        WHERE ${REACHED} AND id = $3 AND kind = 'webhook'
        RETURNING ${COLUMNS}`,
      [
        ...reachParameters(reach),
        id,
        changes.address ?? null,
        changes.events ?? null,
        changes.description !== undefined,
        changes.description ?? null,
        changes.status ?? null,
        changes.teamId !== undefined,
        changes.teamId ?? null,
      ],
    );
    return row ?? null;
  }

  /** The secret it has becomes its old one. */
  async replaceSecret(
    reach: ChannelReach,
    id: string,
    sealedSecret: Buffer,
    oldExpiresAt: Date,
  ): Promise<WebhookRow | null> {
    const [row] = await this.transactions.sql<WebhookRow>(
      `UPDATE notification_channels
          SET sealed_old_secret = sealed_secret, old_secret_expires_at = $5, sealed_secret = $4
        WHERE ${REACHED} AND id = $3 AND kind = 'webhook'
        RETURNING ${COLUMNS}`,
      [...reachParameters(reach), id, sealedSecret, oldExpiresAt],
    );
    return row ?? null;
  }

  /**
   * Deletes old secrets that sign nothing any more.
   * @returns how many
   */
  async forgetOldSecretsAcrossTenants(now: Date, limit: number): Promise<number> {
    const rows = await this.transactions.sql(
      `UPDATE notification_channels SET sealed_old_secret = NULL, old_secret_expires_at = NULL
        WHERE old_secret_expires_at <= $1 AND id IN
          (SELECT id FROM notification_channels WHERE old_secret_expires_at <= $1 LIMIT $2)
        RETURNING id`,
      [now, limit],
    );
    return rows.length;
  }

  async delete(reach: ChannelReach, id: string): Promise<void> {
    await this.transactions.sql(
      `DELETE FROM notification_channels WHERE ${REACHED} AND id = $3 AND kind = 'webhook'`,
      [...reachParameters(reach), id],
    );
  }
}
