import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was used: one row per call, the totals of each key, and how far each instance's spool is stored. */
export class Usage1763700200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // One partition per UTC day, made when a day is first written to. No default partition: see PartitionKeeperService.
    await queryRunner.query(`
      CREATE TABLE usage_events (
        id text NOT NULL,
        organization_id text NOT NULL,
        key_id text NOT NULL,
        occurred_at timestamptz(3) NOT NULL,
        surface text NOT NULL,
        model text NOT NULL,
        provider text NOT NULL,
        upstream_model text NOT NULL,
        status smallint NOT NULL
          CONSTRAINT usage_events_status_check CHECK (status BETWEEN 100 AND 599),
        outcome text NOT NULL
          CONSTRAINT usage_events_outcome_check CHECK (outcome IN ('completed', 'failed', 'aborted')),
        stream boolean NOT NULL,
        input_tokens integer NOT NULL
          CONSTRAINT usage_events_input_tokens_check CHECK (input_tokens >= 0),
        cached_input_tokens integer NOT NULL
          CONSTRAINT usage_events_cached_input_tokens_check CHECK (cached_input_tokens >= 0),
        output_tokens integer NOT NULL
          CONSTRAINT usage_events_output_tokens_check CHECK (output_tokens >= 0),
        reasoning_tokens integer NOT NULL
          CONSTRAINT usage_events_reasoning_tokens_check CHECK (reasoning_tokens >= 0),
        usage_source text NOT NULL
          CONSTRAINT usage_events_usage_source_check CHECK (usage_source IN ('upstream', 'counted', 'none')),
        cost_nanos bigint NOT NULL
          CONSTRAINT usage_events_cost_nanos_check CHECK (cost_nanos >= 0),
        price_version text,
        latency_ms integer NOT NULL
          CONSTRAINT usage_events_latency_ms_check CHECK (latency_ms >= 0),
        first_byte_ms integer
          CONSTRAINT usage_events_first_byte_ms_check CHECK (first_byte_ms >= 0),
        CONSTRAINT usage_events_pkey PRIMARY KEY (occurred_at, id)
      ) PARTITION BY RANGE (occurred_at)`);
    // The two tables below are small and updated several times a second: room in the page keeps updates off the index.
    await queryRunner.query(`
      CREATE TABLE key_usage_totals (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        requests bigint NOT NULL,
        input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        cost_nanos numeric NOT NULL,
        last_used_at timestamptz(3) NOT NULL,
        CONSTRAINT key_usage_totals_pkey PRIMARY KEY (organization_id, key_id)
      ) WITH (fillfactor = 50)`);
    await queryRunner.query(`
      CREATE TABLE usage_spool_positions (
        spool_id text PRIMARY KEY,
        segment bigint NOT NULL,
        position bigint NOT NULL,
        updated_at timestamptz(3) NOT NULL DEFAULT now()
      ) WITH (fillfactor = 50)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE usage_spool_positions');
    await queryRunner.query('DROP TABLE key_usage_totals');
    await queryRunner.query('DROP TABLE usage_events');
  }
}
