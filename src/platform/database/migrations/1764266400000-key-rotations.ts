import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * When each key is rotated by itself, and what is to be done until its new secret is claimed. The row outlives its schedule,
 * which is null then. `told_at`: the time of the rotation that was announced; `watch_at`: when to look after a secret that waits.
 */
export class KeyRotations1764266400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE key_rotations (
        key_id text PRIMARY KEY CONSTRAINT key_rotations_key_fk REFERENCES api_keys (id),
        organization_id text NOT NULL,
        enabled boolean NOT NULL,
        schedule text,
        time_zone text NOT NULL,
        strategy text NOT NULL CONSTRAINT key_rotations_strategy_check CHECK (strategy IN ('gradual', 'immediate')),
        grace_period_ms bigint NOT NULL,
        auto_update_apps boolean NOT NULL,
        next_at timestamptz(3),
        last_at timestamptz(3),
        told_at timestamptz(3),
        watch_at timestamptz(3),
        created_by text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX key_rotations_next ON key_rotations (next_at) WHERE enabled',
    );
    await queryRunner.query(
      'CREATE INDEX key_rotations_watched ON key_rotations (watch_at) WHERE watch_at IS NOT NULL',
    );
    await queryRunner.query(`
      ALTER TABLE organizations ADD COLUMN unclaimed_secrets text NOT NULL DEFAULT 'extend'
        CONSTRAINT organizations_unclaimed_secrets_check CHECK (unclaimed_secrets IN ('extend', 'lapse'))`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN unclaimed_secrets');
    await queryRunner.query('DROP TABLE key_rotations');
  }
}
