import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { Invitations, type PendingInvitation } from './invitations.port.js';

const COLUMNS = 'organization_id AS "organizationId", email, role';

@Injectable()
export class InvitationRepository extends Invitations {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
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
      const [accepted] = await this.transactions.sql<PendingInvitation>(
        `UPDATE invitations SET accepted_at = $2
          WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2 RETURNING ${COLUMNS}`,
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
      if (member) return accepted;
      throw new AppError('conflict', { message: 'You are a member of this organization already.' });
    });
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
