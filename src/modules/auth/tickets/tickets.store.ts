import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { ID_PREFIXES, randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { KeyDirectory, type KeyView } from '#modules/keys/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SessionDirectory } from '../sessions/session-directory.service.js';

const TICKET_SECONDS = 60;
/** 256 bits. */
const TICKET_LENGTH = 43;
/** Expired ones that each new one sweeps away, so that there are never many. */
const SWEPT_AT_ONCE = 10;

export type IssuedTicket = { readonly ticket: Secret; readonly expiresAt: Date };

/**
 * Tickets stand for a key once, for one path and for a minute, where a key can't be shown. They are in PostgreSQL, so
 * that any instance takes what another has issued; only their hash is.
 */
@Injectable()
export class Tickets {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly keys: KeyDirectory,
    private readonly sessions: SessionDirectory,
    private readonly clock: Clock,
  ) {}

  /** @param path the only one that it opens, without a query */
  async issue(caller: KeyView, path: string): Promise<IssuedTicket> {
    const ticket = new Secret(`lkt_${randomBase62(TICKET_LENGTH)}`);
    const now = this.clock.now();
    const expiresAt = new Date(now + TICKET_SECONDS * 1_000);
    await this.transactions.sql(
      `WITH swept AS (
         DELETE FROM access_tickets WHERE ticket_hash IN (
           SELECT ticket_hash FROM access_tickets WHERE expires_at <= $6 LIMIT $7 FOR UPDATE SKIP LOCKED))
       INSERT INTO access_tickets (ticket_hash, organization_id, secret_id, path, expires_at)
       VALUES ($1, $2, $3, $4, $5)`,
      [
        hashOf(ticket.reveal()),
        caller.organizationId,
        caller.secretId,
        path,
        expiresAt,
        new Date(now),
        SWEPT_AT_ONCE,
      ],
    );
    return { ticket, expiresAt };
  }

  /**
   * Uses a ticket up, also where it does not do. Answers the key that it was issued to, as that is now; `null` for a
   * ticket that is not known, was used, is too old, or is for another path.
   */
  async redeem(ticket: string, path: string): Promise<KeyView | null> {
    const [used] = await this.transactions.sql<{ secret_id: string; path: string; until: Date }>(
      `DELETE FROM access_tickets WHERE ticket_hash = $1
       RETURNING secret_id, path, expires_at AS until`,
      [hashOf(ticket)],
    );
    if (used?.path !== path || used.until.getTime() <= this.clock.now()) return null;
    const holder = used.secret_id;
    const isSession = holder.startsWith(`${ID_PREFIXES.session}_`);
    return isSession ? this.sessions.findView(holder) : this.keys.findBySecretId(holder);
  }
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
