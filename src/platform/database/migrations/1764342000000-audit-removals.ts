import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Removal of entries whose time is over. A cut says which ones: those behind `removed_after`. Of a checkpoint, `kept_until` is what
 * is known of the entries between the one before and this: `NULL`, nobody has looked; a time, something of them is to be kept until
 * then; `infinity`, they are gone. So a log is not read again and again for the few entries of it that are kept for long.
 */
export class AuditRemovals1764342000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE audit_checkpoints
        ADD COLUMN removed_after bigint,
        ADD COLUMN kept_until timestamptz(3)`);
    // Of before there are none; where there were one, it would be of all from the first entry on.
    await queryRunner.query('UPDATE audit_checkpoints SET removed_after = 0 WHERE is_cut');
    await queryRunner.query(`
      ALTER TABLE audit_checkpoints ADD CONSTRAINT audit_checkpoints_cut_check
        CHECK (is_cut = (removed_after IS NOT NULL) AND coalesce(removed_after < size, true))`);
    await queryRunner.query(`
      CREATE INDEX audit_checkpoints_unseen ON audit_checkpoints (organization_id, created_at)
        WHERE NOT is_cut AND kept_until IS NULL`);
    await queryRunner.query(`
      CREATE INDEX audit_checkpoints_kept ON audit_checkpoints (organization_id, kept_until)
        WHERE NOT is_cut AND kept_until IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX audit_checkpoints_cuts ON audit_checkpoints (organization_id, size) WHERE is_cut`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of ['cuts', 'kept', 'unseen'])
      await queryRunner.query(`DROP INDEX audit_checkpoints_${name}`);
    await queryRunner.query(`
      ALTER TABLE audit_checkpoints
        DROP CONSTRAINT audit_checkpoints_cut_check,
        DROP COLUMN kept_until,
        DROP COLUMN removed_after`);
  }
}
