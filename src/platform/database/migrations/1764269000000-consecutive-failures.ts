import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A channel that fails now and then goes on at full speed; one that does nothing else is slowed down. */
export class ConsecutiveFailures1764269000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'ALTER TABLE notification_channels ADD COLUMN consecutive_failures integer NOT NULL DEFAULT 0',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE notification_channels DROP COLUMN consecutive_failures');
  }
}
