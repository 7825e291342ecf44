import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * People, what they belong to, and how they log in. A user is one person across organizations; what they may do in one is
 * said by their membership. Mail addresses are stored in lower case. Of tokens only a SHA-256 is stored: they are random.
 */
export class People1764270000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organizations ADD COLUMN status text NOT NULL DEFAULT 'active'
        CONSTRAINT organizations_status_check CHECK (status IN ('active', 'suspended'))`);
    await queryRunner.query(`
      CREATE TABLE users (
        id text PRIMARY KEY,
        email text NOT NULL CONSTRAINT users_email_key UNIQUE,
        name text NOT NULL,
        password_hash text,
        status text NOT NULL DEFAULT 'active'
          CONSTRAINT users_status_check CHECK (status IN ('active', 'suspended')),
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL
      )`);
    await this.#createStructure(queryRunner);
    await this.#createMemberships(queryRunner);
    await this.#createTokens(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of [
      'password_resets',
      'sessions',
      'invitations',
      'team_members',
      'organization_members',
      'projects',
      'teams',
      'roles',
      'users',
    ]) {
      await queryRunner.query(`DROP TABLE ${table}`);
    }
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN status');
  }

  async #createStructure(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE roles (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT roles_organization_fk REFERENCES organizations (id),
        name text NOT NULL,
        description text,
        scopes text[] NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        CONSTRAINT roles_name_key UNIQUE (organization_id, name)
      )`);
    await queryRunner.query(`
      CREATE TABLE teams (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT teams_organization_fk REFERENCES organizations (id),
        name text NOT NULL,
        description text,
        status text NOT NULL DEFAULT 'active'
          CONSTRAINT teams_status_check CHECK (status IN ('active', 'suspended')),
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        CONSTRAINT teams_name_key UNIQUE (organization_id, name)
      )`);
    await queryRunner.query(`
      CREATE TABLE projects (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT projects_organization_fk REFERENCES organizations (id),
        team_id text CONSTRAINT projects_team_fk REFERENCES teams (id),
        name text NOT NULL,
        description text,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        CONSTRAINT projects_name_key UNIQUE (organization_id, name)
      )`);
  }

  async #createMemberships(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE organization_members (
        organization_id text NOT NULL CONSTRAINT organization_members_organization_fk REFERENCES organizations (id),
        user_id text NOT NULL CONSTRAINT organization_members_user_fk REFERENCES users (id),
        role text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        PRIMARY KEY (organization_id, user_id)
      )`);
    await queryRunner.query(
      'CREATE INDEX organization_members_user ON organization_members (user_id)',
    );
    await queryRunner.query(`
      CREATE TABLE team_members (
        team_id text NOT NULL CONSTRAINT team_members_team_fk REFERENCES teams (id) ON DELETE CASCADE,
        organization_id text NOT NULL,
        user_id text NOT NULL,
        role text NOT NULL CONSTRAINT team_members_role_check CHECK (role IN ('admin', 'developer', 'viewer')),
        can_manage_keys boolean NOT NULL,
        created_at timestamptz(3) NOT NULL,
        PRIMARY KEY (team_id, user_id),
        CONSTRAINT team_members_member_fk FOREIGN KEY (organization_id, user_id)
          REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX team_members_member ON team_members (organization_id, user_id)',
    );
    await queryRunner.query(`
      CREATE TABLE invitations (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT invitations_organization_fk REFERENCES organizations (id),
        email text NOT NULL,
        role text NOT NULL,
        token_hash bytea NOT NULL CONSTRAINT invitations_token_key UNIQUE,
        invited_by text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        accepted_at timestamptz(3)
      )`);
    await queryRunner.query(
      'CREATE INDEX invitations_listing ON invitations (organization_id, created_at, id)',
    );
  }

  async #createTokens(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE sessions (
        id text PRIMARY KEY,
        token_hash bytea NOT NULL CONSTRAINT sessions_token_key UNIQUE,
        user_id text NOT NULL CONSTRAINT sessions_user_fk REFERENCES users (id),
        organization_id text NOT NULL CONSTRAINT sessions_organization_fk REFERENCES organizations (id),
        created_at timestamptz(3) NOT NULL,
        last_used_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL,
        address text,
        agent text
      )`);
    await queryRunner.query('CREATE INDEX sessions_user ON sessions (user_id)');
    await queryRunner.query('CREATE INDEX sessions_expiry ON sessions (expires_at)');
    await queryRunner.query(`
      CREATE TABLE password_resets (
        token_hash bytea PRIMARY KEY,
        user_id text NOT NULL CONSTRAINT password_resets_user_fk REFERENCES users (id),
        created_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query('CREATE INDEX password_resets_user ON password_resets (user_id)');
  }
}
