import pg from 'pg';

import { newId } from '#common/ids/prefixed-id.js';

import type { TestApp } from './app.js';

type TeamRole = { readonly canManageKeys: boolean };

/** People, teams and projects of the default organization, written as the organizations module writes them. */
export class People {
  private constructor(
    readonly client: pg.Client,
    readonly organizationId: string,
  ) {}

  static async of(app: TestApp): Promise<People> {
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ id: string }>(
      'SELECT id FROM organizations WHERE is_default',
    );
    return new People(client, rows[0]?.id ?? '');
  }

  async user(role: string | null = 'developer'): Promise<string> {
    const id = newId('user');
    await this.client.query(
      `INSERT INTO users (id, email, name, created_at, updated_at) VALUES ($1, $2, 'Somebody', now(), now())`,
      [id, `${id.toLowerCase()}@example.com`],
    );
    if (role !== null) await this.join(id, role);
    return id;
  }

  async join(userId: string, role = 'developer'): Promise<void> {
    await this.client.query('INSERT INTO organization_members VALUES ($1, $2, $3, now(), now())', [
      this.organizationId,
      userId,
      role,
    ]);
  }

  async leave(userId: string): Promise<void> {
    await this.client.query('DELETE FROM organization_members WHERE user_id = $1', [userId]);
    await this.tell(null, userId);
  }

  async team(organizationId = this.organizationId): Promise<string> {
    const id = newId('team');
    await this.client.query(
      `INSERT INTO teams (id, organization_id, name, created_at, updated_at) VALUES ($1, $2, $1, now(), now())`,
      [id, organizationId],
    );
    return id;
  }

  async project(teamId: string | null = null): Promise<string> {
    const id = newId('project');
    await this.client.query(
      `INSERT INTO projects (id, organization_id, team_id, name, created_at, updated_at)
       VALUES ($1, $2, $3, $1, now(), now())`,
      [id, this.organizationId, teamId],
    );
    return id;
  }

  async joinTeam(teamId: string, userId: string, { canManageKeys }: TeamRole): Promise<void> {
    await this.client.query(
      `INSERT INTO team_members VALUES ($1, $2, $3, 'developer', $4, now())`,
      [teamId, this.organizationId, userId, canManageKeys],
    );
  }

  async otherOrganization(): Promise<string> {
    const id = newId('organization');
    await this.client.query('INSERT INTO organizations (id, name) VALUES ($1, $1)', [id]);
    return id;
  }

  /** Makes a key somebody's own, as one that they made in a session is. */
  async give(keyId: string, userId: string): Promise<void> {
    await this.client.query('UPDATE api_keys SET owner_id = $2 WHERE id = $1', [keyId, userId]);
  }

  /** In PostgreSQL, and to every instance, as whoever suspends does. */
  async setStatus(
    table: 'organizations' | 'teams' | 'users',
    id: string,
    status: 'active' | 'suspended',
  ): Promise<void> {
    await this.client.query(`UPDATE ${table} SET status = $2 WHERE id = $1`, [id, status]);
    await this.tell(table === 'teams' ? id : null, table === 'users' ? id : null);
  }

  async tell(teamId: string | null, userId: string | null): Promise<void> {
    const payload = `${this.organizationId} ${teamId ?? '-'} ${userId ?? '-'}`;
    await this.client.query(`SELECT pg_notify('latchkey', $1)`, [
      JSON.stringify(['organizations.standing-changed', payload]),
    ]);
  }

  close(): Promise<void> {
    return this.client.end();
  }
}
