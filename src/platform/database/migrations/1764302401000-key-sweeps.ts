import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Until when all that comes of keys by time alone has been told: the one row is behind by as long as no worker was there. */
export class KeySweeps1764302401000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE key_sweeps (
        is_only boolean PRIMARY KEY DEFAULT true CONSTRAINT key_sweeps_only_check CHECK (is_only),
        swept_until timestamptz(3) NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE key_sweeps');
  }
}
