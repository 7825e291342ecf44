import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Bodies of calls whose key has them kept, and who may read and delete them. */
export class RequestBodies1764241200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE request_bodies (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        request_id text NOT NULL,
        kind text NOT NULL
          CONSTRAINT request_bodies_kind_check CHECK (kind IN ('request', 'response')),
        occurred_at timestamptz(3) NOT NULL,
        sealed bytea NOT NULL,
        bytes bigint NOT NULL
          CONSTRAINT request_bodies_bytes_check CHECK (bytes >= 0),
        truncated boolean NOT NULL,
        CONSTRAINT request_bodies_pkey PRIMARY KEY (organization_id, request_id, kind)
      )`);
    // What is encrypted can't be compressed.
    await queryRunner.query('ALTER TABLE request_bodies ALTER COLUMN sealed SET STORAGE EXTERNAL');
    await queryRunner.query('CREATE INDEX request_bodies_by_age ON request_bodies (occurred_at)');
    await queryRunner.query(
      'CREATE INDEX request_bodies_of_organization ON request_bodies (organization_id, occurred_at)',
    );
    await queryRunner.query(
      'CREATE INDEX request_bodies_of_key ON request_bodies (organization_id, key_id, occurred_at)',
    );
    // A policy that says nothing of these rights restricts nothing. Keys that are there were given neither of them.
    await queryRunner.query(`
      UPDATE api_keys
         SET policy = jsonb_set(policy, '{permissions}', coalesce(policy -> 'permissions', '{}')
               || '{"data_access": {"log_requests": null, "log_responses": null, "export_data": false, "delete_data": false}}')
       WHERE access_level IS DISTINCT FROM 'master'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `UPDATE api_keys SET policy = policy #- '{permissions,data_access}', policy_sources = policy_sources
         - 'permissions.data_access.log_requests' - 'permissions.data_access.log_responses'
         - 'permissions.data_access.export_data' - 'permissions.data_access.delete_data'`,
    );
    await queryRunner.query('DROP TABLE request_bodies');
  }
}
