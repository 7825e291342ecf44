import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What of each limit is granted, to whom and in which window. `holders` says it by data folder; `total` and `spent` are
 * the sums. Rows are written often and are small, so pages keep room for a new version of each.
 */
export class Allowances1764219900000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE allowance_windows (
        allowance text NOT NULL,
        starts_at bigint NOT NULL,
        organization_id text NOT NULL,
        ends_at bigint,
        delete_at bigint,
        total bigint NOT NULL,
        spent bigint NOT NULL,
        holders jsonb NOT NULL,
        alerted smallint NOT NULL,
        raised smallint NOT NULL,
        PRIMARY KEY (allowance, starts_at)
      ) WITH (fillfactor = 50)`);
    await queryRunner.query(
      'CREATE INDEX allowance_windows_delete_at ON allowance_windows (delete_at)',
    );
    await queryRunner.query(`
      CREATE TABLE allowance_rates (
        allowance text PRIMARY KEY,
        organization_id text NOT NULL,
        tat double precision NOT NULL,
        granted bigint NOT NULL,
        seen_at double precision NOT NULL
      ) WITH (fillfactor = 50)`);
    await queryRunner.query('CREATE SEQUENCE allowance_epochs');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP SEQUENCE allowance_epochs');
    await queryRunner.query('DROP TABLE allowance_rates');
    await queryRunner.query('DROP TABLE allowance_windows');
  }
}
