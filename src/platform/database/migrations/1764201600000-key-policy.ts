import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A key's policy becomes the whole document, and where each of its fields came from is kept. */
export class KeyPolicy1764201600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      "ALTER TABLE api_keys ADD COLUMN policy_sources jsonb NOT NULL DEFAULT '{}'",
    );
    await queryRunner.query('ALTER TABLE api_keys ALTER COLUMN policy_sources DROP DEFAULT');
    await queryRunner.query(`
      UPDATE api_keys SET policy = jsonb_build_object('permissions', policy)
       WHERE policy ? 'models'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      UPDATE api_keys SET policy = jsonb_build_object('models', policy #> '{permissions,models}')
       WHERE policy ? 'permissions'`);
    await queryRunner.query('ALTER TABLE api_keys DROP COLUMN policy_sources');
  }
}
