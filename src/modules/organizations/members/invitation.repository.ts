import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { Actors } from '#platform/audit-trail/actor.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import '../organizations.events.js';

import { Invitations, type PendingInvitation } from './invitations.port.js';

/** One that nobody has accepted. */
export type InvitationRow = PendingInvitation & {
  readonly id: string;
  readonly invitedBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
};

const COLUMNS = 'organization_id AS "organizationId", email, role';
const ROW = `id, ${COLUMNS}, invited_by AS "invitedBy", created_at AS "createdAt", expires_at AS "expiresAt"`;

@Injectable()
export class InvitationRepository extends Invitations {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    private readonly events: EventBus,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
  ) {
    super();
  }

  override async findAcrossTenants(token: string): Promise<PendingInvitation | null> {
    const [found] = await this.transactions.sql<PendingInvitation>(
      `SELECT ${COLUMNS} FROM invitations
        WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2`,
      [hashOf(token), new Date(this.clock.now())],
    );
    return found ?? null;
  }

  override accept(token: string, userId: string): Promise<PendingInvitation> {
    return this.transactions.run(async () => {
      const now = new Date(this.clock.now());
      const [accepted] = await this.transactions.sql<InvitationRow>(
        `UPDATE invitations SET accepted_at = $2
          WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2 RETURNING ${ROW}`,
        [hashOf(token), now],
      );
      if (!accepted) {
        throw new AppError('not_found', { message: 'This invitation is not open any more.' });
      }
      const [member] = await this.transactions.sql(
        `INSERT INTO organization_members (organization_id, user_id, role, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING RETURNING user_id`,
        [accepted.organizationId, userId, accepted.role, now],
      );
      if (!member) {
        throw new AppError('conflict', {
          message: 'You are a member of this organization already.',
        });
      }
      // Whose the token is they have proven: it is not somebody unknown who accepts.
      await this.actors.actAs(userId, null, () => this.#joined(accepted, userId));
      return accepted;
    });
  }

  /** Those that nobody has accepted, newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<InvitationRow[]> {
    return this.transactions.sql<InvitationRow>(
      `SELECT ${ROW} FROM invitations
        WHERE organization_id = $1 AND accepted_at IS NULL
          AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM invitations WHERE organization_id = $1 AND accepted_at IS NULL',
      [organizationId],
    );
    return row?.count ?? 0;
  }

  /** Takes it back; `null` where there is none that nobody has accepted. */
  async delete(organizationId: string, id: string): Promise<InvitationRow | null> {
    const [row] = await this.transactions.sql<InvitationRow>(
      `DELETE FROM invitations WHERE organization_id = $1 AND id = $2 AND accepted_at IS NULL RETURNING ${ROW}`,
      [organizationId, id],
    );
    if (row) await this.#record('invitation.revoked', row);
    return row ?? null;
  }

  /** Takes the one to this address back; `null` where there is none. */
  async deleteTo(organizationId: string, email: string): Promise<InvitationRow | null> {
    const [row] = await this.transactions.sql<InvitationRow>(
      `DELETE FROM invitations WHERE organization_id = $1 AND email = $2 AND accepted_at IS NULL RETURNING ${ROW}`,
      [organizationId, email],
    );
    if (row) await this.#record('invitation.revoked', row, 'Replaced by another invitation.');
    return row ?? null;
  }

  /** Tells of it, once that is committed: the token is known to nobody later. */
  async insert(invitation: InvitationRow, token: Secret): Promise<void> {
    const { id, organizationId, email, role, invitedBy, createdAt, expiresAt } = invitation;
    const [row] = await this.transactions.sql<{ name: string }>(
      `INSERT INTO invitations
         (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       RETURNING (SELECT name FROM organizations WHERE organizations.id = organization_id) AS name`,
      [id, organizationId, email, role, hashOf(token.reveal()), invitedBy, createdAt, expiresAt],
    );
    await this.#record('invitation.created', invitation);
    const organizationName = row?.name ?? '';
    this.events.emit('organizations.member-invited', { email, organizationName, token, expiresAt });
  }

  async #joined(invitation: InvitationRow, userId: string): Promise<void> {
    await this.#record('invitation.accepted', invitation);
    const { organizationId, email, role } = invitation;
    await this.trail.append({
      organizationId,
      action: 'member.added',
      target: { type: 'member', id: userId },
      after: { role },
      details: { invitation_id: invitation.id },
      personal: { email },
    });
  }

  async #record(
    action: AuditAction,
    invitation: InvitationRow,
    reason: string | null = null,
  ): Promise<void> {
    const { id, organizationId, email, role, invitedBy, expiresAt } = invitation;
    const facts = { role, invited_by: invitedBy, expires_at: expiresAt.toISOString() };
    await this.trail.append({
      organizationId,
      action,
      target: { type: 'invitation', id },
      ...(action === 'invitation.created' ? { after: facts } : { before: facts }),
      personal: { email },
      reason,
    });
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
