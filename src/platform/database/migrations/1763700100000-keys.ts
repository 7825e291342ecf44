import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Organizations, keys and their secrets. */
export class Keys1763700100000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE organizations (
        id text PRIMARY KEY,
        name text NOT NULL,
        is_default boolean NOT NULL DEFAULT false,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(
      'CREATE UNIQUE INDEX organizations_one_default ON organizations (is_default) WHERE is_default',
    );
    await queryRunner.query(`
      CREATE TABLE api_keys (
        id text PRIMARY KEY,
        organization_id text NOT NULL
          CONSTRAINT api_keys_organization_fk REFERENCES organizations (id),
        name text NOT NULL,
        environment text NOT NULL
          CONSTRAINT api_keys_environment_check CHECK (environment IN ('production', 'staging', 'development')),
        access_level text,
        scopes text[] NOT NULL,
        policy jsonb NOT NULL,
        metadata jsonb NOT NULL,
        created_by text,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3),
        disabled_at timestamptz(3),
        revoked_at timestamptz(3),
        revoked_reason text,
        version integer NOT NULL DEFAULT 1
      )`);
    await queryRunner.query(
      'CREATE INDEX api_keys_listing ON api_keys (organization_id, created_at DESC, id DESC)',
    );
    await queryRunner.query(`
      CREATE TABLE api_key_secrets (
        id text PRIMARY KEY,
        key_id text NOT NULL CONSTRAINT api_key_secrets_key_fk REFERENCES api_keys (id),
        digest bytea NOT NULL,
        scheme text NOT NULL,
        prefix text NOT NULL,
        last_four text NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        expires_at timestamptz(3)
      )`);
    await queryRunner.query(
      'CREATE UNIQUE INDEX api_key_secrets_digest ON api_key_secrets (digest)',
    );
    await queryRunner.query('CREATE INDEX api_key_secrets_key_id ON api_key_secrets (key_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE api_key_secrets');
    await queryRunner.query('DROP TABLE api_keys');
    await queryRunner.query('DROP TABLE organizations');
  }
}
