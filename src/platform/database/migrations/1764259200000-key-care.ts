import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * When each organization wants to be reminded that keys expire, and what it wants done with keys that nobody uses; and of each
 * key what was told of by the clock already. The indexes find keys by times that come by themselves.
 */
export class KeyCare1764259200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organizations
        ADD COLUMN expiry_reminder_days integer[] NOT NULL DEFAULT '{30,7,1}',
        ADD COLUMN unused_key_days integer,
        ADD COLUMN unused_key_action text NOT NULL DEFAULT 'notify'
          CONSTRAINT organizations_unused_key_action_check CHECK (unused_key_action IN ('notify', 'disable'))`);
    await queryRunner.query(`
      CREATE TABLE key_lifecycle (
        key_id text PRIMARY KEY CONSTRAINT key_lifecycle_key_fk REFERENCES api_keys (id),
        organization_id text NOT NULL,
        expiry_told_for timestamptz(3),
        expiry_told_days integer,
        enabling_told_for timestamptz(3),
        revocation_told_for timestamptz(3),
        unused_told_for timestamptz(3),
        unused_disabled_for timestamptz(3)
      )`);
    await queryRunner.query(
      'CREATE INDEX api_keys_expiry ON api_keys (organization_id, expires_at) WHERE expires_at IS NOT NULL',
    );
    await queryRunner.query(
      'CREATE INDEX api_keys_enabling ON api_keys (enable_at) WHERE enable_at IS NOT NULL',
    );
    await queryRunner.query(
      'CREATE INDEX api_keys_planned_revocation ON api_keys (revoked_at) WHERE revoked_at > updated_at',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX api_keys_planned_revocation');
    await queryRunner.query('DROP INDEX api_keys_enabling');
    await queryRunner.query('DROP INDEX api_keys_expiry');
    await queryRunner.query('DROP TABLE key_lifecycle');
    await queryRunner.query(`
      ALTER TABLE organizations
        DROP COLUMN expiry_reminder_days,
        DROP COLUMN unused_key_days,
        DROP COLUMN unused_key_action`);
  }
}
