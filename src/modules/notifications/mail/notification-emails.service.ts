import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import {
  type AuditEvent,
  type AuditFacts,
  AuditTrail,
} from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ChannelReaches, REACHED, reachParameters, refuseGoneTeam } from '../channel-reach.js';
import {
  ALL_EVENTS,
  type CreateNotificationEmailDto,
  type ListNotificationEmailsQuery,
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
  readonly teamId: string | null;
  readonly createdAt: Date;
};

const COLUMNS = 'id, address, events, description, team_id AS "teamId", created_at AS "createdAt"';

/** The mail addresses of an organization: they hear of all of its keys and of what concerns no key, or of the keys of one team. */
@Injectable()
export class NotificationEmailsService {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly reaches: ChannelReaches,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  async list(
    caller: Principal,
    { limit, cursor, team_id: teamId }: ListNotificationEmailsQuery,
  ): Promise<Page<NotificationEmailResponse>> {
    const reach = await this.reaches.of(caller);
    const after = decodeCursor(cursor);
    const rows = await this.transactions.sql<EmailRow>(
      `SELECT ${COLUMNS}
         FROM notification_channels
        WHERE ${REACHED} AND key_id IS NULL AND kind = 'email' AND ($3::text IS NULL OR team_id = $3)
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5))
        ORDER BY created_at DESC, id DESC LIMIT $6`,
      [
        ...reachParameters(reach),
        teamId ?? null,
        after?.createdAt ?? null,
        after?.id ?? null,
        limit + 1,
      ],
    );
    return toPage(rows, limit, view);
  }

  /**
   * Of several calls at once with one address exactly one succeeds.
   * @throws {AppError} `conflict` for an address that is there already, or one too many; for a team as `settleTeam`
   */
  async create(
    caller: Principal,
    dto: CreateNotificationEmailDto,
  ): Promise<NotificationEmailResponse> {
    const reach = await this.reaches.of(caller);
    const { organizationId } = reach;
    const row: EmailRow = {
      id: newId('channel'),
      address: dto.email,
      events: dto.events.includes(ALL_EVENTS) ? [ALL_EVENTS] : dto.events,
      description: dto.description ?? null,
      teamId: await this.reaches.settleTeam(reach, dto.team_id),
      createdAt: new Date(this.clock.now()),
    };
    await this.transactions.run(async () => {
      await this.#assertRoomFor(organizationId, row);
      await refuseGoneTeam(row.teamId, () => this.#insert(organizationId, row));
      await this.trail.append({
        ...about('notification_email.created', organizationId, row),
        after: factsOf(row),
      });
    });
    return view(row);
  }

  /** @throws {AppError} `not_found`, also for another organization's address, and for a key's */
  async delete(caller: Principal, id: string): Promise<void> {
    const reach = await this.reaches.of(caller);
    await this.transactions.run(async () => {
      const [deleted] = await this.transactions.sql<EmailRow>(
        `DELETE FROM notification_channels
          WHERE ${REACHED} AND key_id IS NULL AND kind = 'email' AND id = $3 RETURNING ${COLUMNS}`,
        [...reachParameters(reach), id],
      );
      if (!deleted) {
        throw new AppError('not_found', { message: `There is no notification e-mail ${id}.` });
      }
      await this.trail.append({
        ...about('notification_email.deleted', reach.organizationId, deleted),
        before: factsOf(deleted),
      });
    });
  }

  async #insert(organizationId: string, row: EmailRow): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO notification_channels (id, organization_id, team_id, kind, address, events, description, created_at)
       VALUES ($1, $2, $3, 'email', $4, $5, $6, $7)`,
      [row.id, organizationId, row.teamId, row.address, row.events, row.description, row.createdAt],
    );
  }

  /** Until the transaction ends nobody else adds one. */
  async #assertRoomFor(organizationId: string, { address, teamId }: EmailRow): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
    const there = await this.transactions.sql<Pick<EmailRow, 'address' | 'teamId'>>(
      `SELECT address, team_id AS "teamId" FROM notification_channels
        WHERE organization_id = $1 AND key_id IS NULL AND kind = 'email' LIMIT ${MAX_EMAILS}`,
      [organizationId],
    );
    const isSame = (one: (typeof there)[number]): boolean =>
      one.teamId === teamId && one.address.toLowerCase() === address.toLowerCase();
    if (there.some(isSame)) {
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

function about(
  action: AuditAction,
  organizationId: string,
  { id, address }: EmailRow,
): Pick<AuditEvent, 'organizationId' | 'action' | 'target' | 'personal'> {
  const target = { type: 'notification_email', id };
  return { organizationId, action, target, personal: { email: address } };
}

function factsOf(row: EmailRow): AuditFacts {
  const { events, description, team_id } = view(row);
  return { events, description, team_id };
}

function view(row: EmailRow): NotificationEmailResponse {
  return {
    id: row.id,
    email: row.address,
    events: row.events,
    description: row.description,
    team_id: row.teamId,
    created_at: row.createdAt.toISOString(),
  };
}
