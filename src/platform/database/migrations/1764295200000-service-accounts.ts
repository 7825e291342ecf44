import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Identities that are nobody. Whose a key is, is a plain id as its team's and owner's are: the key outlives the account, and is
 * refused then.
 */
export class ServiceAccounts1764295200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE service_accounts (
        id text PRIMARY KEY,
        organization_id text NOT NULL
          CONSTRAINT service_accounts_organization_fk REFERENCES organizations (id),
        team_id text CONSTRAINT service_accounts_team_fk REFERENCES teams (id),
        name text NOT NULL,
        description text,
        role text NOT NULL CONSTRAINT service_accounts_role_check CHECK (role <> 'owner'),
        status text NOT NULL DEFAULT 'active'
          CONSTRAINT service_accounts_status_check CHECK (status IN ('active', 'suspended')),
        created_by text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        updated_at timestamptz(3) NOT NULL,
        version integer NOT NULL DEFAULT 1,
        CONSTRAINT service_accounts_name_key UNIQUE (organization_id, name)
      )`);
    await queryRunner.query(
      'CREATE INDEX service_accounts_listing ON service_accounts (organization_id, created_at, id)',
    );
    await queryRunner.query('CREATE INDEX service_accounts_team ON service_accounts (team_id)');
    await queryRunner.query(`
      ALTER TABLE api_keys
        ADD COLUMN service_account_id text,
        ADD CONSTRAINT api_keys_service_account_check
          CHECK (service_account_id IS NULL OR type = 'service' AND owner_id IS NULL)`);
    await queryRunner.query(
      'CREATE INDEX api_keys_service_account ON api_keys (organization_id, service_account_id) WHERE service_account_id IS NOT NULL',
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE api_keys DROP CONSTRAINT api_keys_service_account_check, DROP COLUMN service_account_id`);
    await queryRunner.query('DROP TABLE service_accounts');
  }
}
