import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why a key is disabled, and from when on it is not any more. */
export class KeyLifecycle1764205200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE api_keys ADD COLUMN disabled_reason text');
    await queryRunner.query('ALTER TABLE api_keys ADD COLUMN enable_at timestamptz(3)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE api_keys DROP COLUMN enable_at');
    await queryRunner.query('ALTER TABLE api_keys DROP COLUMN disabled_reason');
  }
}
