import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What waits for approval may be more for something that is no key: a budget, a policy, or the organization's own settings. Of
 * keys everything stays as it was, so that instances of the release before go on beside it. From
 * `approval_budget_threshold_nanos` on, lifting a budget waits; `null`: never.
 */
export class ApprovalsOfSubjects1764313200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE organizations ADD COLUMN approval_budget_threshold_nanos bigint
         CONSTRAINT organizations_approval_budget_threshold_check
           CHECK (approval_budget_threshold_nanos BETWEEN 0 AND 9000000000000000)`,
    );
    await queryRunner.query(`
      ALTER TABLE approval_requests
        ADD COLUMN subject_type text NOT NULL DEFAULT 'key'
          CONSTRAINT approval_requests_subject_type_check
            CHECK (subject_type IN ('key', 'policy', 'budget', 'organization')),
        ADD COLUMN subject_id text,
        ALTER COLUMN key_id DROP NOT NULL,
        ADD CONSTRAINT approval_requests_subject_check
          CHECK ((subject_type = 'key') = (key_id IS NOT NULL) AND (subject_type = 'key') = (subject_id IS NULL))`);
    await queryRunner.query(
      `CREATE UNIQUE INDEX approval_requests_one_open_of_subject ON approval_requests (subject_id) WHERE status = 'pending'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DELETE FROM approval_requests WHERE subject_type <> 'key'`);
    await queryRunner.query(`
      ALTER TABLE approval_requests
        DROP CONSTRAINT approval_requests_subject_check,
        DROP COLUMN subject_type,
        DROP COLUMN subject_id,
        ALTER COLUMN key_id SET NOT NULL`);
    await queryRunner.query(
      'ALTER TABLE organizations DROP COLUMN approval_budget_threshold_nanos',
    );
  }
}
