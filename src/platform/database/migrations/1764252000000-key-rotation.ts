import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Several secrets of a key: one that waits to be claimed is sealed beside its digest, and each tells who used it last. */
export class KeyRotation1764252000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE api_key_secrets
        ADD COLUMN sealed bytea,
        ADD COLUMN claimed_at timestamptz(3),
        ADD COLUMN last_used_at timestamptz(3),
        ADD COLUMN last_used_address text,
        ADD COLUMN last_used_agent text`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE api_key_secrets
        DROP COLUMN sealed,
        DROP COLUMN claimed_at,
        DROP COLUMN last_used_at,
        DROP COLUMN last_used_address,
        DROP COLUMN last_used_agent`);
  }
}
