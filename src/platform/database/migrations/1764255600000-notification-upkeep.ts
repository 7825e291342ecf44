import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * So that the hourly deletion of what is over, the list of webhooks, and the look at what else of a channel is being sent
 * find their rows without looking at the others.
 */
export class NotificationUpkeep1764255600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `CREATE INDEX notification_deliveries_over ON notification_deliveries (created_at) WHERE status <> 'pending'`,
    );
    await queryRunner.query(
      'CREATE INDEX notifications_dispatched ON notifications (dispatched_at) WHERE dispatched_at IS NOT NULL',
    );
    await queryRunner.query(
      `CREATE INDEX notification_deliveries_waiting ON notification_deliveries (channel_id, next_attempt_at)
        WHERE status = 'pending'`,
    );
    await queryRunner.query(
      `CREATE INDEX notification_channels_webhooks ON notification_channels (organization_id, created_at, id)
        WHERE kind = 'webhook'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX notification_channels_webhooks');
    await queryRunner.query('DROP INDEX notification_deliveries_waiting');
    await queryRunner.query('DROP INDEX notifications_dispatched');
    await queryRunner.query('DROP INDEX notification_deliveries_over');
  }
}
