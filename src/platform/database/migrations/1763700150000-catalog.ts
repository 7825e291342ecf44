import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Providers and the routes from a model's name to them. */
export class Catalog1763700150000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE providers (
        id text PRIMARY KEY,
        organization_id text NOT NULL
          CONSTRAINT providers_organization_fk REFERENCES organizations (id),
        name text NOT NULL,
        kind text NOT NULL,
        base_url text NOT NULL,
        credential_origin text,
        sealed_credential bytea,
        timeouts jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        version integer NOT NULL DEFAULT 1,
        CONSTRAINT providers_credential_check CHECK ((credential_origin IS NULL) = (sealed_credential IS NULL))
      )`);
    await queryRunner.query(
      'CREATE UNIQUE INDEX providers_name ON providers (organization_id, name)',
    );
    await queryRunner.query(
      'CREATE INDEX providers_listing ON providers (organization_id, created_at DESC, id DESC)',
    );
    await queryRunner.query(`
      CREATE TABLE routes (
        id text PRIMARY KEY,
        organization_id text NOT NULL
          CONSTRAINT routes_organization_fk REFERENCES organizations (id),
        model text NOT NULL,
        provider_id text NOT NULL
          CONSTRAINT routes_provider_fk REFERENCES providers (id),
        upstream_model text NOT NULL,
        input_nanos_per_million bigint NOT NULL,
        output_nanos_per_million bigint NOT NULL,
        cached_input_nanos_per_million bigint,
        context_length integer,
        max_output_tokens integer,
        priority integer NOT NULL DEFAULT 0,
        weight integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        version integer NOT NULL DEFAULT 1,
        CONSTRAINT routes_price_check CHECK (
          input_nanos_per_million >= 0 AND output_nanos_per_million >= 0
          AND coalesce(cached_input_nanos_per_million, 0) >= 0
        ),
        CONSTRAINT routes_facts_check CHECK (
          coalesce(context_length, 1) > 0 AND coalesce(max_output_tokens, 1) > 0 AND weight > 0
        )
      )`);
    await queryRunner.query('CREATE INDEX routes_model ON routes (organization_id, model)');
    await queryRunner.query(
      'CREATE INDEX routes_listing ON routes (organization_id, created_at DESC, id DESC)',
    );
    await queryRunner.query(
      'CREATE UNIQUE INDEX routes_endpoint ON routes (provider_id, model, upstream_model)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE routes');
    await queryRunner.query('DROP TABLE providers');
  }
}
