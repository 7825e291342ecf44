import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * For how long entries of the audit log are kept. What counts is remembered, by key (`''`: of the organization), so that less than before
 * counts only once everybody has had a week to see it.
 */
export class AuditRetention1764342001000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organizations
        ADD COLUMN audit_retention_days integer NOT NULL DEFAULT 90,
        ADD CONSTRAINT organizations_audit_retention_days_check
          CHECK (audit_retention_days BETWEEN 30 AND 3650)`);
    await queryRunner.query(`
      CREATE INDEX api_keys_audit_retention ON api_keys (organization_id, id)
        WHERE policy #>> '{security,audit,retention_days}' IS NOT NULL`);
    await queryRunner.query(`
      CREATE TABLE audit_retentions (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        days integer NOT NULL,
        shorter_days integer,
        shorter_from timestamptz(3),
        PRIMARY KEY (organization_id, key_id),
        CONSTRAINT audit_retentions_shorter_check
          CHECK ((shorter_days IS NULL) = (shorter_from IS NULL) AND shorter_days < days)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_retentions');
    await queryRunner.query('DROP INDEX api_keys_audit_retention');
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN audit_retention_days');
  }
}
