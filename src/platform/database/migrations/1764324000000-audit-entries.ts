import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The audit log. An entry is written once, and gets its place in its organization's chain (`sequence`, `hash`) later, when it is
 * sealed. No foreign keys: it outlives what it tells of.
 */
export class AuditEntries1764324000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_entries (
        id text PRIMARY KEY,
        position bigint GENERATED ALWAYS AS IDENTITY,
        organization_id text NOT NULL,
        occurred_at timestamptz(3) NOT NULL,
        action text NOT NULL,
        event_type text NOT NULL,
        outcome text NOT NULL
          CONSTRAINT audit_entries_outcome_check CHECK (outcome IN ('success', 'failure', 'denied')),
        actor_type text NOT NULL,
        actor_id text,
        user_id text,
        acting_key_id text,
        session_id text,
        request_id text,
        target_type text NOT NULL,
        target_id text NOT NULL,
        key_id text,
        reason text,
        before jsonb,
        after jsonb,
        details jsonb NOT NULL,
        personal jsonb NOT NULL,
        salt bytea NOT NULL,
        mac bytea NOT NULL,
        sequence bigint,
        hash bytea,
        CONSTRAINT audit_entries_sealed_check CHECK ((sequence IS NULL) = (hash IS NULL))
      )`);
    await queryRunner.query(
      'CREATE INDEX audit_entries_listing ON audit_entries (organization_id, occurred_at, id)',
    );
    await queryRunner.query(`
      CREATE INDEX audit_entries_of_key ON audit_entries (organization_id, key_id, occurred_at, id)
        WHERE key_id IS NOT NULL`);
    await queryRunner.query(`
      CREATE UNIQUE INDEX audit_entries_chain ON audit_entries (organization_id, sequence)
        WHERE sequence IS NOT NULL`);
    await queryRunner.query(
      'CREATE INDEX audit_entries_unsealed ON audit_entries (position) WHERE sequence IS NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_entries');
  }
}
