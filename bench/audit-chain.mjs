// @ts-check
/** An audit log of many entries, each with the hash and the HMAC that the product would have given it, so that it verifies. */
import { randomBytes } from 'node:crypto';

import { load } from './scratch-database.mjs';

const BATCH = 4_000;
const SPACING_MS = 1_500;
const KEYS = 2_000;
const ACTIONS = /** @type {const} */ (['key.updated', 'key.created', 'policy.updated']);

/** @param {number} n */
export const chainKeyIdOf = (n) => `key_chain${String(n % KEYS).padStart(6, '0')}`;

/** @param {string} organizationId @param {number} n @param {number} endsAt @param {number} entries */
function entryOf(organizationId, n, endsAt, entries) {
  const who = `user_chain${n % 300}`;
  return {
    id: `aud_chain${String(n).padStart(12, '0')}`,
    organizationId,
    occurredAt: new Date(endsAt - (entries - n) * SPACING_MS),
    action: ACTIONS[n % ACTIONS.length],
    eventType: 'permission_change',
    outcome: n % 40 === 0 ? 'denied' : 'success',
    actorType: 'user',
    actorId: who,
    userId: who,
    actingKeyId: null,
    sessionId: `ses_chain${n % 900}`,
    requestId: `req_chain${n}`,
    targetType: 'key',
    targetId: chainKeyIdOf(n),
    keyId: chainKeyIdOf(n),
    reason: n % 5 === 0 ? `ticket ${n}` : null,
    before: { name: `before ${n}`, version: n % 7, limits: { requests_per_minute: n % 1_000 } },
    after: { name: `after ${n}`, version: (n % 7) + 1, limits: { requests_per_minute: n % 997 } },
    details: { note: `of the bench, number ${n}` },
    personal: { ip_address: `198.51.100.${n % 250}`, user_agent: 'curl/8.14.1', country: 'DE' },
    salt: randomBytes(16),
  };
}

const COLUMNS = `id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id, session_id, request_id,
  target_type, target_id, key_id, reason, before, after, details, personal, salt, mac, sequence, previous_hash, hash`;

/**
 * The whole log of one organization, from its beginning. What was in the table is gone.
 *
 * @param {import('pg').Client} database
 * @param {{ organizationId: string, entries: number, secretKey: string }} wish `secretKey`: `LATCHKEY_SECRET_KEY`
 */
export async function fillChain(database, { organizationId, entries, secretKey }) {
  const [chain, { canonicalText, coveredOf }, { EntryMac }, { RootKey }, { Secret }] =
    await Promise.all(
      [
        'modules/audit/domain/chain.js',
        'modules/audit/domain/audit-entry.js',
        'modules/audit/trail/entry-mac.js',
        'platform/crypto/root-key.js',
        'common/secret/secret.js',
      ].map(load),
    );
  const macs = new EntryMac(new RootKey(new Secret(Buffer.from(secretKey, 'base64'))));
  let { hash } = chain.genesisOf(organizationId);
  const endsAt = Date.now() - 60_000;
  await database.query('TRUNCATE audit_entries, audit_checkpoints');
  for (let from = 1; from <= entries; from += BATCH) {
    /** @type {unknown[][]} */
    const rows = [];
    for (let n = from; n < Math.min(from + BATCH, entries + 1); n++) {
      const entry = entryOf(organizationId, n, endsAt, entries);
      const previous = hash;
      hash = chain.linkHashOf(previous, n, chain.leafHashOf(canonicalText(coveredOf(entry))));
      rows.push(rowOf(entry, macs.of(entry), n, previous, hash));
    }
    await database.query(
      `INSERT INTO audit_entries (${COLUMNS})
       SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
         $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::jsonb[], $17::jsonb[], $18::jsonb[],
         $19::jsonb[], $20::bytea[], $21::bytea[], $22::bigint[], $23::bytea[], $24::bytea[])`,
      Array.from({ length: 24 }, (_, column) => rows.map((row) => row[column])),
    );
  }
  await database.query('VACUUM (ANALYZE) audit_entries');
}

/**
 * @param {ReturnType<typeof entryOf>} entry
 * @param {Buffer} mac
 * @param {number} sequence
 * @param {Buffer} previous
 * @param {Buffer} hash
 */
function rowOf(entry, mac, sequence, previous, hash) {
  const { before, after, details, personal, ...plain } = entry;
  return [
    plain.id,
    plain.organizationId,
    plain.occurredAt,
    plain.action,
    plain.eventType,
    plain.outcome,
    plain.actorType,
    plain.actorId,
    plain.userId,
    plain.sessionId,
    plain.requestId,
    plain.targetType,
    plain.targetId,
    plain.keyId,
    plain.reason,
    ...[before, after, details, personal].map((facts) => JSON.stringify(facts)),
    plain.salt,
    mac,
    sequence,
    previous,
    hash,
  ];
}
