import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is remembered of keys whose use is watched, how far each organization's log has been looked at, and what the organization
 * wants done with suspicious keys.
 */
export class AuditAlerts1764338400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organizations
        ADD COLUMN suspicious_key_action text NOT NULL DEFAULT 'notify',
        ADD CONSTRAINT organizations_suspicious_key_action_check
          CHECK (suspicious_key_action IN ('notify', 'disable'))`);
    await queryRunner.query(`
      CREATE TABLE watched_keys (
        organization_id text NOT NULL,
        key_id text NOT NULL,
        history jsonb NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        PRIMARY KEY (organization_id, key_id)
      )`);
    await queryRunner.query(`
      CREATE TABLE audit_watch_positions (
        organization_id text PRIMARY KEY,
        sequence bigint NOT NULL
      )`);
    await queryRunner.query(`
      CREATE INDEX api_keys_watched ON api_keys (organization_id, id)
        WHERE policy #>> '{security,audit,alert_on_suspicious}' = 'true'`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX api_keys_watched');
    await queryRunner.query('DROP TABLE audit_watch_positions');
    await queryRunner.query('DROP TABLE watched_keys');
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN suspicious_key_action');
  }
}
