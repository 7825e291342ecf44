import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What sealing needs: an entry keeps the hash of the one before as well, so that it verifies alone; the unsealed ones are found by
 * organization; what somebody else has put into the table is kept apart.
 */
export class AuditSealing1764327600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE audit_entries
        ADD COLUMN previous_hash bytea,
        DROP CONSTRAINT audit_entries_sealed_check,
        ADD CONSTRAINT audit_entries_sealed_check
          CHECK (num_nonnulls(sequence, previous_hash, hash) IN (0, 3))`);
    await queryRunner.query('DROP INDEX audit_entries_unsealed');
    await queryRunner.query(`
      CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, position)
        WHERE sequence IS NULL`);
    await queryRunner.query(`
      CREATE TABLE audit_foreign_entries (
        position bigint PRIMARY KEY,
        organization_id text NOT NULL,
        found_at timestamptz(3) NOT NULL,
        entry jsonb NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX audit_foreign_entries_listing ON audit_foreign_entries (organization_id, found_at)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_foreign_entries');
    await queryRunner.query('DROP INDEX audit_entries_unsealed');
    await queryRunner.query(
      'CREATE INDEX audit_entries_unsealed ON audit_entries (position) WHERE sequence IS NULL',
    );
    await queryRunner.query(`
      ALTER TABLE audit_entries
        DROP CONSTRAINT audit_entries_sealed_check,
        DROP COLUMN previous_hash,
        ADD CONSTRAINT audit_entries_sealed_check CHECK ((sequence IS NULL) = (hash IS NULL))`);
  }
}
