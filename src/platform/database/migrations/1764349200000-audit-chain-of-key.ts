import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Exports of one key go along the chain. Only sealed entries are in it, so whoever writes one does not pay for it. */
export class AuditChainOfKey1764349200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE INDEX audit_entries_chain_of_key ON audit_entries (organization_id, key_id, sequence)
        WHERE key_id IS NOT NULL AND sequence IS NOT NULL`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP INDEX audit_entries_chain_of_key');
  }
}
