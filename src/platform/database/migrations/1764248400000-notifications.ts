import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The outbox: what is to be told, written in the transaction of what it tells of; who wants to hear of it (those without a key:
 * of all in the organization); and what was sent to whom.
 */
export class Notifications1764248400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE notifications (
        id text PRIMARY KEY,
        organization_id text NOT NULL,
        type text NOT NULL,
        key_id text,
        data jsonb NOT NULL,
        deduplication_id text,
        occurred_at timestamptz(3) NOT NULL,
        dispatched_at timestamptz(3),
        CONSTRAINT notifications_deduplication_id_key UNIQUE (organization_id, deduplication_id)
      )`);
    await queryRunner.query(
      'CREATE INDEX notifications_waiting ON notifications (occurred_at) WHERE dispatched_at IS NULL',
    );
    await queryRunner.query(`
      CREATE TABLE notification_channels (
        id text PRIMARY KEY,
        organization_id text NOT NULL,
        key_id text,
        kind text NOT NULL CONSTRAINT notification_channels_kind_check CHECK (kind IN ('email', 'webhook')),
        address text NOT NULL,
        events text[] NOT NULL,
        description text,
        status text NOT NULL DEFAULT 'active'
          CONSTRAINT notification_channels_status_check CHECK (status IN ('active', 'disabled')),
        status_reason text,
        failing_since timestamptz(3),
        sealed_secret bytea,
        sealed_old_secret bytea,
        old_secret_expires_at timestamptz(3),
        created_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX notification_channels_listing ON notification_channels (organization_id, key_id, created_at, id)',
    );
    await queryRunner.query(`
      CREATE TABLE notification_deliveries (
        id text PRIMARY KEY,
        organization_id text NOT NULL,
        notification_id text NOT NULL,
        channel_id text NOT NULL,
        status text NOT NULL CONSTRAINT notification_deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz(3),
        response_status integer,
        error text,
        created_at timestamptz(3) NOT NULL,
        attempted_at timestamptz(3),
        CONSTRAINT notification_deliveries_once_key UNIQUE (notification_id, channel_id)
      )`);
    await queryRunner.query(
      `CREATE INDEX notification_deliveries_due ON notification_deliveries (next_attempt_at) WHERE status = 'pending'`,
    );
    await queryRunner.query(
      'CREATE INDEX notification_deliveries_listing ON notification_deliveries (organization_id, channel_id, created_at, id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE notification_deliveries');
    await queryRunner.query('DROP TABLE notification_channels');
    await queryRunner.query('DROP TABLE notifications');
  }
}
