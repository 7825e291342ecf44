import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Exports that were asked for: what of, how far they are, and where the file is. */
export class Exports1764334800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE exports (
        id text PRIMARY KEY,
        organization_id text NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
        key_id text,
        requested_by text NOT NULL,
        format text NOT NULL,
        include_pii boolean NOT NULL,
        event_types text[],
        period_from timestamptz(3) NOT NULL,
        period_to timestamptz(3) NOT NULL,
        state text NOT NULL CONSTRAINT exports_state_check
          CHECK (state IN ('queued', 'running', 'ready', 'failed', 'cancelled', 'expired')),
        failure text,
        attempt integer NOT NULL DEFAULT 0,
        entries_done bigint NOT NULL DEFAULT 0,
        entries_total bigint,
        bytes bigint NOT NULL DEFAULT 0,
        stored_in text,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3)
      )`);
    await queryRunner.query(
      'CREATE INDEX exports_listing ON exports (organization_id, created_at DESC, id DESC)',
    );
    await queryRunner.query(`
      CREATE INDEX exports_unfinished ON exports (updated_at) WHERE state IN ('queued', 'running')`);
    await queryRunner.query(
      'CREATE INDEX exports_stored ON exports (expires_at) WHERE stored_in IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE exports');
  }
}
