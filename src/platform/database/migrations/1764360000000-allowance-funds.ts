import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was paid into an allowance that has no limit but that: credit. It stands in the row that leases are granted from, so that
 * a grant under the row's lock sees what is there, and not what was when the statement began.
 */
export class AllowanceFunds1764360000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'ALTER TABLE allowance_windows ADD COLUMN funded bigint CHECK (funded >= 0)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE allowance_windows DROP COLUMN funded');
  }
}
