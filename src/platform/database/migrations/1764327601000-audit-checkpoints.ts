import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Signed heads of the audit log's chains. A cut is one that says that all up to it was removed when its time was over. */
export class AuditCheckpoints1764327601000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE audit_checkpoints (
        organization_id text NOT NULL,
        size bigint NOT NULL,
        is_cut boolean NOT NULL,
        root_hash bytea NOT NULL,
        note text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        PRIMARY KEY (organization_id, size, is_cut)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE audit_checkpoints');
  }
}
