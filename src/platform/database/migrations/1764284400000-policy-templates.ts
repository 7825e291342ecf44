import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Templates of policies, all that each has been, and which key was made from which: `overrides` is what such a key says
 * itself, `bound` what whoever made it could grant it. The policy that results is the key's own, in `api_keys`.
 */
export class PolicyTemplates1764284400000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE policy_templates (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT policy_templates_organization_fk REFERENCES organizations (id),
        name text NOT NULL,
        description text,
        parent_id text CONSTRAINT policy_templates_parent_fk REFERENCES policy_templates (id),
        input jsonb NOT NULL,
        version integer NOT NULL,
        created_by text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE UNIQUE INDEX policy_templates_name ON policy_templates (organization_id, name)',
    );
    await queryRunner.query(
      'CREATE INDEX policy_templates_listing ON policy_templates (organization_id, created_at, id)',
    );
    await queryRunner.query(
      'CREATE INDEX policy_templates_parent ON policy_templates (parent_id) WHERE parent_id IS NOT NULL',
    );
    await queryRunner.query(`
      CREATE TABLE policy_template_versions (
        template_id text NOT NULL CONSTRAINT policy_template_versions_template_fk
          REFERENCES policy_templates (id) ON DELETE CASCADE,
        version integer NOT NULL,
        organization_id text NOT NULL,
        name text NOT NULL,
        description text,
        parent_id text,
        input jsonb NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz(3) NOT NULL,
        PRIMARY KEY (template_id, version)
      )`);
    await queryRunner.query(`
      CREATE TABLE key_inheritances (
        key_id text PRIMARY KEY CONSTRAINT key_inheritances_key_fk REFERENCES api_keys (id),
        organization_id text NOT NULL,
        template_id text NOT NULL CONSTRAINT key_inheritances_template_fk REFERENCES policy_templates (id),
        overrides jsonb NOT NULL,
        bound jsonb NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX key_inheritances_template ON key_inheritances (template_id)',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE key_inheritances');
    await queryRunner.query('DROP TABLE policy_template_versions');
    await queryRunner.query('DROP TABLE policy_templates');
  }
}
