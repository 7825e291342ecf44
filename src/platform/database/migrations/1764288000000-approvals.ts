import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What waits for somebody else's approval, and how it was decided: a new key (`create`), or something more for one that there is
 * (`widen`). `change` is what was asked for, never a secret. Of one key at most one request is open.
 */
export class Approvals1764288000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      'ALTER TABLE api_keys ADD COLUMN awaits_approval boolean NOT NULL DEFAULT false',
    );
    await queryRunner.query(
      'ALTER TABLE organizations ADD COLUMN approval_expiry_hours integer NOT NULL DEFAULT 168',
    );
    await queryRunner.query(`
      CREATE TABLE approval_requests (
        id text PRIMARY KEY,
        organization_id text NOT NULL CONSTRAINT approval_requests_organization_fk REFERENCES organizations (id),
        key_id text NOT NULL CONSTRAINT approval_requests_key_fk REFERENCES api_keys (id),
        kind text NOT NULL CONSTRAINT approval_requests_kind_check CHECK (kind IN ('create', 'widen')),
        change jsonb NOT NULL,
        fields text[] NOT NULL,
        requested_by text NOT NULL,
        requested_by_user text,
        status text NOT NULL CONSTRAINT approval_requests_status_check
          CHECK (status IN ('pending', 'approved', 'rejected', 'expired')),
        decided_by text,
        decided_by_user text,
        decided_at timestamptz(3),
        reason text,
        created_at timestamptz(3) NOT NULL,
        expires_at timestamptz(3) NOT NULL
      )`);
    await queryRunner.query(
      'CREATE INDEX approval_requests_listing ON approval_requests (organization_id, created_at, id)',
    );
    await queryRunner.query(
      `CREATE UNIQUE INDEX approval_requests_one_open ON approval_requests (key_id) WHERE status = 'pending'`,
    );
    await queryRunner.query('CREATE INDEX approval_requests_key ON approval_requests (key_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE approval_requests');
    await queryRunner.query('ALTER TABLE organizations DROP COLUMN approval_expiry_hours');
    await queryRunner.query('ALTER TABLE api_keys DROP COLUMN awaits_approval');
  }
}
