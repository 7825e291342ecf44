import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Channels of teams: they hear of their team's keys, and end with the team. `notifications.team_id` is what it was when it was told. */
export class TeamChannels1764302400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE notifications ADD COLUMN team_id text');
    await queryRunner.query(`
      ALTER TABLE notification_channels
        ADD COLUMN team_id text
          CONSTRAINT notification_channels_team_fk REFERENCES teams (id) ON DELETE CASCADE,
        ADD CONSTRAINT notification_channels_of_one_check CHECK (key_id IS NULL OR team_id IS NULL)`);
    await queryRunner.query(
      'CREATE INDEX notification_channels_team ON notification_channels (team_id) WHERE team_id IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    // Without its team a channel would hear of everything.
    await queryRunner.query('DELETE FROM notification_channels WHERE team_id IS NOT NULL');
    await queryRunner.query('ALTER TABLE notification_channels DROP COLUMN team_id');
    await queryRunner.query('ALTER TABLE notifications DROP COLUMN team_id');
  }
}
