import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Members can be suspended in one organization and stay what they are in others. And the indexes of lists. */
export class Structure1764277200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE organization_members ADD COLUMN status text NOT NULL DEFAULT 'active'
        CONSTRAINT organization_members_status_check CHECK (status IN ('active', 'suspended'))`);
    await queryRunner.query(
      'CREATE INDEX organization_members_listing ON organization_members (organization_id, created_at, user_id)',
    );
    for (const table of ['roles', 'teams', 'projects']) {
      await queryRunner.query(
        `CREATE INDEX ${table}_listing ON ${table} (organization_id, created_at, id)`,
      );
    }
    await queryRunner.query('CREATE INDEX projects_team ON projects (team_id)');
    await queryRunner.query('CREATE INDEX organizations_listing ON organizations (created_at, id)');
    // One open invitation for an address.
    await queryRunner.query(
      'CREATE UNIQUE INDEX invitations_open ON invitations (organization_id, email) WHERE accepted_at IS NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const index of [
      'invitations_open',
      'organizations_listing',
      'projects_team',
      'projects_listing',
      'teams_listing',
      'roles_listing',
      'organization_members_listing',
    ]) {
      await queryRunner.query(`DROP INDEX ${index}`);
    }
    await queryRunner.query('ALTER TABLE organization_members DROP COLUMN status');
  }
}
