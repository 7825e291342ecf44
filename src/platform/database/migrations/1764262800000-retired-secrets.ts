import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a secret was replaced by another; and of a key's secrets exactly one has no end, whoever changes them at once. */
export class RetiredSecrets1764262800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE api_key_secrets ADD COLUMN retired_at timestamptz(3)`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX api_key_secrets_current ON api_key_secrets (key_id) WHERE expires_at IS NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX api_key_secrets_current`);
    await queryRunner.query(`ALTER TABLE api_key_secrets DROP COLUMN retired_at`);
  }
}
