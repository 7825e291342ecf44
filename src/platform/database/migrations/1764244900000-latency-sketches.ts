import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['usage_rollup_minute', 'usage_rollup_hour', 'usage_rollup_day'] as const;

/**
 * The two arrays of a latency sketch become one string of bytes, for each bucket its number in two and its count in four,
 * big-endian: PostgreSQL takes a tenth of a microsecond to send an element of an array, and a report has half a million.
 */
export class LatencySketches1764244900000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE FUNCTION pg_temp.sketch_of(buckets smallint[], counts integer[]) RETURNS bytea LANGUAGE sql AS $$
        SELECT coalesce(string_agg(int2send(bucket) || int4send(count), ''), '') FROM unnest(buckets, counts) AS pair (bucket, count)
      $$`);
    for (const table of TABLES) {
      await queryRunner.query(
        `ALTER TABLE ${table} ALTER COLUMN latency_buckets TYPE bytea USING pg_temp.sketch_of(latency_buckets, latency_counts)`,
      );
      await queryRunner.query(`ALTER TABLE ${table} RENAME COLUMN latency_buckets TO latencies`);
      await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN latency_counts`);
    }
    await queryRunner.query('DROP FUNCTION pg_temp.sketch_of');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE FUNCTION pg_temp.numbers_of(sketch bytea, first integer, size integer) RETURNS bigint[] LANGUAGE sql AS $$
        SELECT coalesce(array_agg(('x' || encode(substr(sketch, at + first, size), 'hex'))::bit(32)::bigint >> (8 * (4 - size))), '{}')
          FROM generate_series(1, length(sketch), 6) AS at
      $$`);
    for (const table of TABLES) {
      await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN latency_counts integer[]`);
      await queryRunner.query(
        `UPDATE ${table} SET latency_counts = pg_temp.numbers_of(latencies, 2, 4)::integer[]`,
      );
      await queryRunner.query(
        `ALTER TABLE ${table} ALTER COLUMN latencies TYPE smallint[] USING pg_temp.numbers_of(latencies, 0, 2)::smallint[],
           ALTER COLUMN latency_counts SET NOT NULL`,
      );
      await queryRunner.query(`ALTER TABLE ${table} RENAME COLUMN latencies TO latency_buckets`);
    }
    await queryRunner.query('DROP FUNCTION pg_temp.numbers_of');
  }
}
