import type { MigrationInterface, QueryRunner } from 'typeorm';

/** By which it is noticed that Redis has lost what it was told of limits: the one row is what it should have. */
export class RedisMarkers1764230400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE redis_markers (
        is_only boolean PRIMARY KEY DEFAULT true
          CONSTRAINT redis_markers_only_check CHECK (is_only),
        id text NOT NULL,
        windows_from bigint NOT NULL,
        rates_from double precision NOT NULL
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE redis_markers');
  }
}
