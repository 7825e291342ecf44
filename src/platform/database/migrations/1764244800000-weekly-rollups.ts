import type { MigrationInterface, QueryRunner } from 'typeorm';

const SUMS = `
  sum(requests), sum(errors), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens),
  sum(cost_nanos), sum(latency_ms)`;

/**
 * Sums of each key by week, from Monday, UTC: a quarter of a year by key is a dozen rows of each. Narrow rows on purpose. Usage
 * that an instance of an older version adds while this runs is missing in them until `latchkey usage rebuild`.
 */
export class WeeklyRollups1764244800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE usage_rollup_week (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        bucket timestamptz(0) NOT NULL,
        requests bigint NOT NULL,
        errors bigint NOT NULL,
        input_tokens bigint NOT NULL,
        cached_input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        reasoning_tokens bigint NOT NULL,
        cost_nanos numeric NOT NULL,
        latency_ms bigint NOT NULL,
        CONSTRAINT usage_rollup_week_pkey PRIMARY KEY (organization_id, key_id, bucket)
      ) WITH (fillfactor = 80)`);
    await queryRunner.query(`
      INSERT INTO usage_rollup_week (
        organization_id, key_id, bucket,
        requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms
      )
      SELECT organization_id, key_id, date_bin('7 days', bucket, timestamptz '1970-01-05 00:00:00Z') AS week, ${SUMS}
        FROM usage_rollup_day WHERE key_id <> '' AND requests > 0
       GROUP BY organization_id, key_id, week`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE usage_rollup_week');
  }
}
