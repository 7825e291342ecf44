import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Calls and failed authentications of the current minute, counted by all instances together. */
export class ThrottleCounters1764223200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // Unlogged: after a crash of PostgreSQL it is empty, which costs a minute's count and saves writing each hit twice.
    // The free half of each page takes the new versions of its rows, so that counting up touches no index.
    await queryRunner.query(`
      CREATE UNLOGGED TABLE throttle_counters (
        counter text COLLATE "C" PRIMARY KEY,
        hits integer NOT NULL,
        ends_at timestamptz(3) NOT NULL
      ) WITH (fillfactor = 50)`);
    await queryRunner.query(
      'CREATE INDEX throttle_counters_ends_at ON throttle_counters (ends_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE throttle_counters');
  }
}
