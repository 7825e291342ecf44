import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was paid into an allowance that has no limit but that: credit. It stands in the row that leases are granted from, so that
 * a grant under the row's lock sees what is there, and not what was when the statement began. `fund_credit` is called by whoever
 * keeps the ledger, in the statement that changes it.
 */
export class AllowanceFunds1764353000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'ALTER TABLE allowance_windows ADD COLUMN funded bigint CHECK (funded >= 0)',
    );
    // Somebody is told anew when it is used up again. The window is all time, up to the last moment that a date of JavaScript has.
    await queryRunner.query(`
      CREATE FUNCTION fund_credit(of_organization text, nanos bigint) RETURNS void LANGUAGE sql AS $$
        INSERT INTO allowance_windows AS held (
          allowance, starts_at, organization_id, ends_at, total, spent, holders, alerted, raised, funded
        ) VALUES (
          'organization:' || of_organization || ':credit:none', 0, of_organization, 8640000000000000, 0, 0, '{}', 0, 0, greatest(nanos, 0)
        )
        ON CONFLICT (allowance, starts_at)
        DO UPDATE SET funded = coalesce(held.funded, 0) + nanos, alerted = 0, raised = 0
      $$`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP FUNCTION fund_credit');
    await queryRunner.query('ALTER TABLE allowance_windows DROP COLUMN funded');
  }
}
