import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What an organization says of the keys of an environment: `defaults` that new ones start with, in the canonical spelling, and
 * `rules` that all of them keep. A key that is made from a template keeps the defaults that it was made with, so that they
 * stay where the template changes.
 */
export class EnvironmentSettings1764291600000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE environment_settings (
        organization_id text NOT NULL CONSTRAINT environment_settings_organization_fk REFERENCES organizations (id),
        environment text NOT NULL
          CONSTRAINT environment_settings_environment CHECK (environment IN ('development', 'staging', 'production')),
        defaults jsonb NOT NULL,
        rules jsonb NOT NULL,
        version integer NOT NULL,
        updated_by text NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        PRIMARY KEY (organization_id, environment)
      )`);
    await queryRunner.query(
      `ALTER TABLE key_inheritances ADD COLUMN defaults jsonb NOT NULL DEFAULT '{}'`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE key_inheritances DROP COLUMN defaults');
    await queryRunner.query('DROP TABLE environment_settings');
  }
}
