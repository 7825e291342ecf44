import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Where the calls of a project's keys go. `id` is the project's, or the organization's for what holds for the keys of no
 * project, and for projects that say nothing themselves.
 */
export class ProjectConfigs1764306000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE project_configs (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT project_configs_organization_fk REFERENCES organizations (id),
        project_id text CONSTRAINT project_configs_project_fk REFERENCES projects (id) ON DELETE CASCADE,
        preference text NOT NULL,
        allowed_providers text[],
        allow_overwrite boolean NOT NULL,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        CONSTRAINT project_configs_id_check CHECK (id = coalesce(project_id, organization_id)),
        CONSTRAINT project_configs_preference_check CHECK (preference IN ('speed', 'cost', 'balanced')),
        CONSTRAINT project_configs_providers_check CHECK (cardinality(allowed_providers) > 0)
      )`);
    await queryRunner.query(
      'CREATE INDEX project_configs_organization ON project_configs (organization_id)',
    );
    await queryRunner.query('CREATE INDEX project_configs_project ON project_configs (project_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE project_configs');
  }
}
