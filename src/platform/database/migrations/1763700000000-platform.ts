import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the platform itself keeps: the installation's canary and answers to idempotent calls. */
export class Platform1763700000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // One row: a value sealed with the secret key, so that a wrong key is noticed at start and not at the first use.
    await queryRunner.query(`
      CREATE TABLE installation (
        id integer PRIMARY KEY CONSTRAINT installation_one_row_check CHECK (id = 1),
        sealed_canary bytea NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`
      CREATE TABLE idempotency_records (
        scope bytea PRIMARY KEY,
        organization_id text NOT NULL,
        request_hash bytea NOT NULL,
        answer json NOT NULL,
        sealed_secret bytea,
        secret_until timestamptz(3),
        created_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX idempotency_records_expires_at ON idempotency_records (expires_at)',
    );
    await queryRunner.query(
      'CREATE INDEX idempotency_records_secret_until ON idempotency_records (secret_until) WHERE secret_until IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE idempotency_records');
    await queryRunner.query('DROP TABLE installation');
  }
}
