import type { MigrationInterface, QueryRunner } from 'typeorm';

const FIGURES = [
  'requests',
  'errors',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nanos',
  'latency_ms',
];
const COLUMNS = FIGURES.map(
  (name) => `${name} ${name === 'cost_nanos' ? 'numeric' : 'bigint'} NOT NULL`,
).join(', ');
const SUMS = FIGURES.map((name) => `sum(${name})`).join(', ');
const MADE_OF = 'model, provider, features, status_class';
const WEEK = "date_bin('7 days', bucket, timestamptz '1970-01-05 00:00:00Z')";
const BY_TIME = ['minute', 'hour', 'day', 'week'] as const;

/**
 * Sums by week, from Monday, UTC, so that long reports read few rows: those of each key, and the breakdown of each
 * organization. And an index by time, for reports that go over all keys. Usage that an instance of an older version adds
 * while this runs is missing in weeks until `latchkey usage rebuild`.
 */
export class WeeklyRollups1764244800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE usage_rollup_week (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        bucket timestamptz(0) NOT NULL,
        ${COLUMNS},
        CONSTRAINT usage_rollup_week_pkey PRIMARY KEY (organization_id, key_id, bucket)
      ) WITH (fillfactor = 80)`);
    await queryRunner.query(`
      INSERT INTO usage_rollup_week (organization_id, key_id, bucket, ${FIGURES.join(', ')})
      SELECT organization_id, key_id, ${WEEK}, ${SUMS} FROM usage_rollup_day
       WHERE key_id <> '' AND requests > 0 GROUP BY 1, 2, 3`);
    await queryRunner.query(`
      CREATE TABLE usage_breakdown_week (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        bucket timestamptz(0) NOT NULL,
        model text NOT NULL,
        provider text NOT NULL,
        features integer NOT NULL,
        status_class smallint NOT NULL,
        ${COLUMNS},
        CONSTRAINT usage_breakdown_week_pkey PRIMARY KEY (organization_id, key_id, bucket, ${MADE_OF})
      ) WITH (fillfactor = 80)`);
    await queryRunner.query(`
      INSERT INTO usage_breakdown_week (organization_id, key_id, bucket, ${MADE_OF}, ${FIGURES.join(', ')})
      SELECT organization_id, key_id, ${WEEK}, ${MADE_OF}, ${SUMS} FROM usage_breakdown_day
       WHERE key_id = '' GROUP BY 1, 2, 3, ${MADE_OF}`);
    for (const grain of BY_TIME) {
      await queryRunner.query(
        `CREATE INDEX usage_rollup_${grain}_by_time ON usage_rollup_${grain} (organization_id, bucket)`,
      );
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE usage_rollup_week');
    await queryRunner.query('DROP TABLE usage_breakdown_week');
    for (const grain of ['minute', 'hour', 'day']) {
      await queryRunner.query(`DROP INDEX usage_rollup_${grain}_by_time`);
    }
  }
}
