import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How much money an organization, or its keys, may spend in a window. */
export class Budgets1764226800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE budgets (
        id text PRIMARY KEY,
        organization_id text NOT NULL
          CONSTRAINT budgets_organization_fk REFERENCES organizations (id),
        scope text NOT NULL
          CONSTRAINT budgets_scope_check CHECK (scope IN ('key', 'each_key', 'organization')),
        scope_id text NOT NULL,
        time_window text NOT NULL
          CONSTRAINT budgets_window_check CHECK (time_window IN ('daily', 'weekly', 'monthly')),
        model text NOT NULL,
        limit_nanos bigint NOT NULL
          CONSTRAINT budgets_limit_check CHECK (limit_nanos BETWEEN 0 AND 9000000000000000),
        alert_threshold double precision
          CONSTRAINT budgets_alert_threshold_check CHECK (alert_threshold > 0 AND alert_threshold <= 1),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz(3) NOT NULL DEFAULT now(),
        version integer NOT NULL DEFAULT 1
      )`);
    await queryRunner.query(
      'CREATE UNIQUE INDEX budgets_identity ON budgets (organization_id, scope, scope_id, time_window, model)',
    );
    await queryRunner.query(
      'CREATE INDEX budgets_listing ON budgets (organization_id, created_at DESC, id DESC)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE budgets');
  }
}
