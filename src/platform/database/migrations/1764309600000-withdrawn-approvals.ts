import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whoever asked for something may take it back. */
export class WithdrawnApprovals1764309600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE approval_requests DROP CONSTRAINT approval_requests_status_check,
         ADD CONSTRAINT approval_requests_status_check
           CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn', 'expired'))`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `UPDATE approval_requests SET status = 'rejected' WHERE status = 'withdrawn'`,
    );
    await queryRunner.query(
      `ALTER TABLE approval_requests DROP CONSTRAINT approval_requests_status_check,
         ADD CONSTRAINT approval_requests_status_check
           CHECK (status IN ('pending', 'approved', 'rejected', 'expired'))`,
    );
  }
}
