// @ts-check
/** An audit log of many entries, made up by PostgreSQL. */

import { load } from './scratch-database.mjs';

const COLUMNS = `id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id, acting_key_id, request_id,
  target_type, target_id, key_id, reason, before, after, details, personal, salt, mac, sequence, previous_hash, hash`;
const DAYS = 400;
const ORGANIZATIONS = 20;
/** Of all entries those of the organization that is asked; the others share what is left. */
const OURS = 0.6;
export const KEYS = 2_000;
export const USERS = 300;
const WORDS = 20_000;
/** Who did much in the first days, and is long gone. */
export const FORMER_USER = 'user_former';
/** Who did three things. */
export const RARE_USER = 'user_rare';
export const RARE_WORD = 'quetzalcoatl';

/** @param {number} index */
export const userIdOf = (index) => `user_bench${String(index).padStart(6, '0')}`;
/** @param {number} index */
export const keyIdOf = (index) => `key_bench${String(index).padStart(6, '0')}`;
/** Few words are in much, most in little. @param {number} index */
export const wordOf = (index) => `word${index.toString(36)}x`;

/**
 * Entries of 400 days, the last of them now: few actors, keys, actions and words are in much, most in little.
 *
 * @param {import('pg').Client} database
 * @param {{ organizationId: string, entries: number, actions: Record<string, string> }} wish `actions` by name: their event type
 */
export async function fillAudit(database, { organizationId, entries, actions }) {
  await database.query('TRUNCATE audit_entries');
  // Far faster than entry by entry.
  const searched = await unsearched(database);
  const { SEARCH_VECTOR } = await load('modules/audit/trail/entry-search.js');
  await database.query(`SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'`);
  await database.query(
    `INSERT INTO api_keys (id, organization_id, name, environment, access_level, scopes, policy, policy_sources, metadata)
     SELECT 'key_bench' || lpad(n::text, 6, '0'), $1, 'bench ' || n, 'production', 'inference', '{inference}', '{}', '{}', '{}'
       FROM generate_series(0, $2::integer - 1) AS n
     ON CONFLICT DO NOTHING`,
    [organizationId, KEYS],
  );
  const names = Object.keys(actions);
  const types = Object.values(actions);
  await database.query(
    `INSERT INTO audit_entries (${COLUMNS}, search)
     SELECT entry.*, ${SEARCH_VECTOR} FROM (SELECT 'aud_bench' || lpad(n::text, 12, '0'), organization, now() - (1 - n / $2::float8) * interval '${DAYS} days',
            ($3::text[])[action], ($4::text[])[action], outcome, CASE WHEN by_key THEN 'key' ELSE 'user' END,
            CASE WHEN by_key THEN acting_key ELSE who END, who, CASE WHEN by_key THEN acting_key END, 'req_bench' || n,
            split_part(($3::text[])[action], '.', 1), key, key, reason,
            jsonb_build_object('name', 'bench ' || w1, 'version', n % 7), jsonb_build_object('name', 'bench ' || w2, 'version', n % 7 + 1,
            'limits', jsonb_build_object('requests_per_minute', n % 1000)), jsonb_build_object('note', w3 || ' ' || w4),
            jsonb_build_object('ip_address', ip, 'user_agent', 'curl/8.14.1', 'country', 'DE'), decode(md5(n::text), 'hex'),
            sha256(n::text::bytea), n, sha256(n::text::bytea), sha256(n::text::bytea)
       FROM (
         SELECT n,
                CASE WHEN random() < ${OURS} THEN $1 ELSE 'org_bench' || floor(random() * ${ORGANIZATIONS}) END AS organization,
                1 + floor(cardinality($3::text[]) * power(random(), 3))::integer AS action,
                CASE WHEN random() < 0.01 THEN 'denied' WHEN random() < 0.03 THEN 'failure' ELSE 'success' END AS outcome,
                random() < 0.5 AS by_key,
                'key_bench' || lpad(floor(${KEYS} * power(random(), 3))::text, 6, '0') AS acting_key,
                CASE WHEN n IN (10, $2 / 2, $2 - 10) THEN '${RARE_USER}' WHEN n < $2 / 20 AND random() < 0.3 THEN '${FORMER_USER}'
                  ELSE 'user_bench' || lpad(floor(${USERS} * power(random(), 3))::text, 6, '0') END AS who,
                'key_bench' || lpad(floor(${KEYS} * power(random(), 2))::text, 6, '0') AS key,
                CASE WHEN n % 250000 = 77 THEN '${RARE_WORD} has come back' WHEN random() < 0.2 THEN 'ticket ' || (random() * 1e6)::integer END AS reason,
                words[1 + floor(${WORDS} * power(random(), 4))::integer] AS w1, words[1 + floor(${WORDS} * power(random(), 4))::integer] AS w2,
                words[1 + floor(${WORDS} * power(random(), 4))::integer] AS w3, words[1 + floor(${WORDS} * random())::integer] AS w4,
                CASE WHEN random() < 0.4 THEN '203.0.113.7' ELSE '198.51.' || floor(100 * power(random(), 2)) || '.' || floor(random() * 250) END AS ip
           FROM generate_series(1, $2::integer) AS n, (SELECT $5::text[] AS words) AS vocabulary OFFSET 0) AS made
      ORDER BY n) AS entry (${COLUMNS})`,
    [organizationId, entries, names, types, Array.from({ length: WORDS }, (_, at) => wordOf(at))],
  );
  await searched();
  await database.query('VACUUM (ANALYZE) audit_entries, api_keys');
  await database.query('RESET work_mem; RESET maintenance_work_mem');
}

/**
 * Drops the indexes that the log is only searched by.
 * @param {import('pg').Client} database
 * @returns {Promise<() => Promise<void>>} makes them again
 */
export async function unsearched(database) {
  const { rows } = await database.query(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
      WHERE indexname IN ('audit_entries_search', 'audit_entries_of_user', 'audit_entries_by_key', 'audit_entries_of_action')`,
  );
  for (const { name } of rows) await database.query(`DROP INDEX ${name}`);
  return async () => {
    for (const { definition } of rows) await database.query(definition);
  };
}
