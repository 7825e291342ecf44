import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is between words, all of ASCII: PostgreSQL’s parser of words would take `a.b` for a host, and keep it whole. In JSON as text a
 * line break is a backslash and a letter, which would become part of the next word.
 */
const PUNCTUATION = String.raw`[!-/:-@\[-\`{-~]`.replace('\\`', '`');
const JSON_ESCAPE = String.raw`\\(u[0-9a-f]{4}|.)`;

/**
 * What the audit log is searched by. `search` holds the words of an entry and, beginning with `=`, which no word does, the facts
 * that are asked for exactly: one index finds what is rare of either, also together. Who acted and what was done have indexes in
 * the order of the list, since much may be of one that has long been gone, and would be looked for in vain among all newer entries.
 */
export class AuditSearch1764331200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const facts = ['organization_id', 'target_id', 'target_type', 'outcome'];
    await queryRunner.query(`
      ALTER TABLE audit_entries ADD COLUMN search tsvector GENERATED ALWAYS AS (
        to_tsvector('simple',
          regexp_replace(action || ' ' || target_id || ' ' || coalesce(reason, ''), '${PUNCTUATION}+', ' ', 'g') || ' ' ||
          regexp_replace(coalesce(before::text, '') || coalesce(after::text, '') || details::text,
            '(${JSON_ESCAPE}|${PUNCTUATION})+', ' ', 'g'))
        || array_to_tsvector(ARRAY[
          ${facts.map((name) => `'=${name}:' || left(${name}, 256)`).join(', ')},
          '=actor_id:' || left(coalesce(actor_id, ''), 256),
          '=request_id:' || left(coalesce(request_id, ''), 256),
          '=ip_address:' || left(coalesce(personal ->> 'ip_address', ''), 256)])
      ) STORED`);
    // What waits to be put into the index is read by each search, and put there by whoever writes one too many.
    await queryRunner.query(`
      CREATE INDEX audit_entries_search ON audit_entries USING gin (search)
        WITH (gin_pending_list_limit = 2048)`);
    await queryRunner.query(`
      CREATE INDEX audit_entries_of_user ON audit_entries (organization_id, user_id, occurred_at, id)
        WHERE user_id IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX audit_entries_by_key ON audit_entries (organization_id, acting_key_id, occurred_at, id)
        WHERE acting_key_id IS NOT NULL`);
    await queryRunner.query(`
      CREATE INDEX audit_entries_of_action ON audit_entries (organization_id, action, occurred_at, id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of ['of_action', 'by_key', 'of_user', 'search'])
      await queryRunner.query(`DROP INDEX audit_entries_${name}`);
    await queryRunner.query('ALTER TABLE audit_entries DROP COLUMN search');
  }
}
