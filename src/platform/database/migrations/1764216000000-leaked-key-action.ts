import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each organization wants done with a key of its own that has leaked. */
export class LeakedKeyAction1764216000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organizations ADD COLUMN leaked_key_action text NOT NULL DEFAULT 'revoke'
        CONSTRAINT organizations_leaked_key_action_check CHECK (leaked_key_action IN ('revoke', 'disable'))`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN leaked_key_action');
  }
}
