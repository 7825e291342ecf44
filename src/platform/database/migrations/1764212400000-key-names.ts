import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds an organization's keys by their name, as the Management API does. */
export class KeyNames1764212400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE INDEX api_keys_name ON api_keys (organization_id, name)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX api_keys_name');
  }
}
