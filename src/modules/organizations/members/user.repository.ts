import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { Actors } from '#platform/audit-trail/actor.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { NewOrganizations } from '../new-organizations.js';
import { type NewUser, type User, Users } from './users.port.js';

const COLUMNS = 'id, email, name, status, created_at AS "createdAt"';

@Injectable()
export class UserRepository extends Users {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
    private readonly newOrganizations: NewOrganizations,
  ) {
    super();
  }

  override async findAcrossTenants(id: string): Promise<User | null> {
    const [user] = await this.transactions.sql<User>(`SELECT ${COLUMNS} FROM users WHERE id = $1`, [
      id,
    ]);
    return user ?? null;
  }

  override async findByEmailAcrossTenants(email: string): Promise<User | null> {
    const [user] = await this.transactions.sql<User>(
      `SELECT ${COLUMNS} FROM users WHERE email = $1`,
      [email.toLowerCase()],
    );
    return user ?? null;
  }

  /** @returns whether there is such a user */
  async setStatusAcrossTenants(id: string, status: User['status']): Promise<boolean> {
    const rows = await this.transactions.sql(
      'UPDATE users SET status = $2, updated_at = $3 WHERE id = $1 RETURNING id',
      [id, status, new Date(this.clock.now())],
    );
    return rows.length > 0;
  }

  override async passwordHashOf(id: string): Promise<Secret | null> {
    const [row] = await this.transactions.sql<{ hash: string | null }>(
      'SELECT password_hash AS hash FROM users WHERE id = $1',
      [id],
    );
    return row?.hash ? new Secret(row.hash) : null;
  }

  override async setPasswordHash(id: string, hash: Secret): Promise<void> {
    await this.transactions.sql(
      'UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1',
      [id, hash.reveal(), new Date(this.clock.now())],
    );
  }

  override async create({ email, name, passwordHash }: NewUser): Promise<User> {
    const [user] = await this.transactions.sql<User>(
      `INSERT INTO users (id, email, name, password_hash, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (email) DO NOTHING RETURNING ${COLUMNS}`,
      [
        newId('user'),
        email.toLowerCase(),
        name,
        passwordHash?.reveal() ?? null,
        new Date(this.clock.now()),
      ],
    );
    if (user) return user;
    throw new AppError('conflict', {
      message: 'There is an account with this address already. Log in, or reset its password.',
      param: 'email',
    });
  }

  override async foundOrganization(name: string, ownerId: string): Promise<string> {
    const id = newId('organization');
    const now = new Date(this.clock.now());
    await this.transactions.run(async () => {
      await this.transactions.sql(
        'INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)',
        [id, name, now],
      );
      await this.transactions.sql(
        `INSERT INTO organization_members (organization_id, user_id, role, created_at, updated_at)
         VALUES ($1, $2, 'owner', $3, $3)`,
        [id, ownerId, now],
      );
      await this.actors.actAs(ownerId, null, async () => {
        await this.#founded(id, name, ownerId);
        await this.newOrganizations.made(id);
      });
    });
    return id;
  }

  async #founded(organizationId: string, name: string, ownerId: string): Promise<void> {
    await this.trail.append({
      organizationId,
      action: 'organization.created',
      target: { type: 'organization', id: organizationId },
      // Whoever names none has it named after them.
      personal: { organization_name: name },
    });
    await this.trail.append({
      organizationId,
      action: 'member.added',
      target: { type: 'member', id: ownerId },
      after: { role: 'owner' },
    });
  }
}
