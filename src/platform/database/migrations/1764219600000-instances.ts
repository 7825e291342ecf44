import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which processes run on this database, so that it can be said whether all of them have heard of a change. */
export class Instances1764219600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE instances (
        id text PRIMARY KEY,
        seen_at timestamptz(3) NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE instances');
  }
}
