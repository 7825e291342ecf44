import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import type { PageQuery } from '#common/pagination/page.query.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import {
  ALL_EVENTS,
  type CreateNotificationEmailDto,
  type NotificationEmailResponse,
} from './dto/notification-email.dto.js';

const MAX_EMAILS = 100;
/** Any fixed number: the class of the locks on channels of organizations among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_005;

type EmailRow = {
  readonly id: string;
  readonly address: string;
  readonly events: string[];
  readonly description: string | null;
  readonly createdAt: Date;
};

/** The mail addresses of an organization: they hear of all of its keys, and of what concerns no key. */
@Injectable()
export class NotificationEmailsService {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  async list(
    organizationId: string,
    { limit, cursor }: PageQuery,
  ): Promise<Page<NotificationEmailResponse>> {
    const after = decodeCursor(cursor);
    const rows = await this.transactions.sql<EmailRow>(
      `SELECT id, address, events, description, created_at AS "createdAt"
         FROM notification_channels
        WHERE organization_id = $1 AND key_id IS NULL AND kind = 'email'
          AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows, limit, view);
  }

  /**
   * Of several calls at once with one address exactly one succeeds.
   * @throws {AppError} `conflict` for an address that is there already, or one too many
   */
  async create(
    organizationId: string,
    dto: CreateNotificationEmailDto,
  ): Promise<NotificationEmailResponse> {
    const row: EmailRow = {
      id: newId('channel'),
      address: dto.email,
      events: dto.events.includes(ALL_EVENTS) ? [ALL_EVENTS] : dto.events,
      description: dto.description ?? null,
      createdAt: new Date(this.clock.now()),
    };
    await this.transactions.run(async () => {
      await this.#assertRoomFor(organizationId, row.address);
      await this.transactions.sql(
        `INSERT INTO notification_channels (id, organization_id, kind, address, events, description, created_at)
         VALUES ($1, $2, 'email', $3, $4, $5, $6)`,
        [row.id, organizationId, row.address, row.events, row.description, row.createdAt],
      );
    });
    return view(row);
  }

  /** @throws {AppError} `not_found`, also for another organization's address, and for a key's */
  async delete(organizationId: string, id: string): Promise<void> {
    const deleted = await this.transactions.sql(
      `DELETE FROM notification_channels
        WHERE organization_id = $1 AND key_id IS NULL AND kind = 'email' AND id = $2 RETURNING id`,
      [organizationId, id],
    );
    if (deleted.length === 0) {
      throw new AppError('not_found', { message: `There is no notification e-mail ${id}.` });
    }
  }

  /** Until the transaction ends nobody else adds one. */
  async #assertRoomFor(organizationId: string, address: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
    const there = await this.transactions.sql<{ address: string }>(
      `SELECT address FROM notification_channels
        WHERE organization_id = $1 AND key_id IS NULL AND kind = 'email' LIMIT ${MAX_EMAILS}`,
      [organizationId],
    );
    if (there.some((one) => one.address.toLowerCase() === address.toLowerCase())) {
      throw new AppError('conflict', {
        message: `${address} is told already. Delete that one first to change what it is told.`,
        param: 'email',
      });
    }
    if (there.length >= MAX_EMAILS) {
      throw new AppError('conflict', {
        message: `An organization has at most ${MAX_EMAILS} notification e-mails.`,
      });
    }
  }
}

function view(row: EmailRow): NotificationEmailResponse {
  return {
    id: row.id,
    email: row.address,
    events: row.events,
    description: row.description,
    created_at: row.createdAt.toISOString(),
  };
}
