import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Whom keys belong to. Teams, projects and owners are plain ids: a key outlives them, and is refused then. Were a team that
 * is deleted taken out of its keys, they would reach more than before.
 */
export class KeyOwners1764280800000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE api_keys
        ADD COLUMN type text NOT NULL DEFAULT 'personal'
          CONSTRAINT api_keys_type_check CHECK (type IN ('personal', 'team', 'service', 'standard')),
        ADD COLUMN team_id text,
        ADD COLUMN project_ids text[] NOT NULL DEFAULT '{}',
        ADD COLUMN owner_id text,
        ADD CONSTRAINT api_keys_team_check CHECK (type <> 'team' OR team_id IS NOT NULL)`);
    await queryRunner.query(
      'CREATE INDEX api_keys_team ON api_keys (organization_id, team_id) WHERE team_id IS NOT NULL',
    );
    await queryRunner.query(
      'CREATE INDEX api_keys_owner ON api_keys (organization_id, owner_id) WHERE owner_id IS NOT NULL',
    );
    await queryRunner.query(`
      CREATE TABLE key_members (
        key_id text NOT NULL CONSTRAINT key_members_key_fk REFERENCES api_keys (id),
        organization_id text NOT NULL,
        user_id text NOT NULL,
        role text NOT NULL CONSTRAINT key_members_role_check CHECK (role IN ('admin', 'developer', 'viewer')),
        can_manage_key boolean NOT NULL,
        PRIMARY KEY (key_id, user_id),
        CONSTRAINT key_members_member_fk FOREIGN KEY (organization_id, user_id)
          REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
      )`);
    await queryRunner.query(
      'CREATE INDEX key_members_member ON key_members (organization_id, user_id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE key_members');
    await queryRunner.query(`
      ALTER TABLE api_keys DROP CONSTRAINT api_keys_team_check, DROP COLUMN type, DROP COLUMN team_id,
        DROP COLUMN project_ids, DROP COLUMN owner_id`);
  }
}
