import type { MigrationInterface, QueryRunner } from 'typeorm';

const FIGURES = `
  requests bigint NOT NULL,
  errors bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  cost_nanos numeric NOT NULL,
  latency_ms bigint NOT NULL`;

const GRAINS = ['minute', 'hour', 'day'] as const;

/**
 * Sums of `usage_events` by minute, hour and day of UTC: `usage_rollup_…` by key, with the latencies' sketch, and
 * `usage_breakdown_…` by key, model, provider, features and status class. An empty key stands for all of the organization.
 */
export class UsageRollups1764234000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'ALTER TABLE usage_events ADD COLUMN features integer NOT NULL DEFAULT 0',
    );
    // Without a default for the rows that are there, so that none is written anew. By it, readers find what is new.
    await queryRunner.query('ALTER TABLE usage_events ADD COLUMN shipped_in xid8');
    await queryRunner.query(
      'ALTER TABLE usage_events ALTER COLUMN shipped_in SET DEFAULT pg_current_xact_id()',
    );
    // The empty key is the whole organization in roll-ups.
    await queryRunner.query(
      "ALTER TABLE usage_events ADD CONSTRAINT usage_events_key_id_check CHECK (key_id <> '')",
    );
    await queryRunner.query('CREATE INDEX usage_events_shipped_in ON usage_events (shipped_in)');
    await queryRunner.query(
      'CREATE INDEX usage_events_of_key ON usage_events (key_id, occurred_at)',
    );
    for (const grain of GRAINS) await this.#createTables(queryRunner, grain);
  }

  /** Rows of the present are updated several times a second: room in the page keeps updates off the index. */
  async #createTables(queryRunner: QueryRunner, grain: (typeof GRAINS)[number]): Promise<void> {
    const storage = grain === 'minute' ? 'PARTITION BY RANGE (bucket)' : 'WITH (fillfactor = 80)';
    await queryRunner.query(`
      CREATE TABLE usage_rollup_${grain} (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        bucket timestamptz(0) NOT NULL,
        ${FIGURES},
        refused bigint NOT NULL DEFAULT 0,
        latency_buckets smallint[] NOT NULL,
        latency_counts integer[] NOT NULL,
        CONSTRAINT usage_rollup_${grain}_pkey PRIMARY KEY (organization_id, key_id, bucket)
      ) ${storage}`);
    await queryRunner.query(`
      CREATE TABLE usage_breakdown_${grain} (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        bucket timestamptz(0) NOT NULL,
        model text NOT NULL,
        provider text NOT NULL,
        features integer NOT NULL,
        status_class smallint NOT NULL,
        ${FIGURES},
        CONSTRAINT usage_breakdown_${grain}_pkey
          PRIMARY KEY (organization_id, key_id, bucket, model, provider, features, status_class)
      ) ${storage}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const grain of GRAINS) {
      await queryRunner.query(`DROP TABLE usage_breakdown_${grain}`);
      await queryRunner.query(`DROP TABLE usage_rollup_${grain}`);
    }
    await queryRunner.query('DROP INDEX usage_events_of_key');
    await queryRunner.query('DROP INDEX usage_events_shipped_in');
    await queryRunner.query('ALTER TABLE usage_events DROP CONSTRAINT usage_events_key_id_check');
    await queryRunner.query('ALTER TABLE usage_events DROP COLUMN shipped_in');
    await queryRunner.query('ALTER TABLE usage_events DROP COLUMN features');
  }
}
