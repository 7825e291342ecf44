/** What somebody who may write to the database can do to a sealed audit log, and where it must be found. */
import { genesisOf, leafHashOf, linkHashOf } from '../../src/modules/audit/domain/chain.js';
import { canonicalText, coveredOf } from '../../src/modules/audit/domain/audit-entry.js';
import {
  ENTRY_COLUMNS,
  entryOf,
  type EntryRow,
} from '../../src/modules/audit/trail/audit-entry.row.js';
import type { AuditLog } from '../support/audit-log.js';
import { seededRandom } from './seeded-random.harness.js';

export const ORGANIZATION = 'org_tampered';
export const ENTRIES = 120;
/** Of the checkpoints that stand in the database; one at the end was kept elsewhere. */
export const CHECKPOINTS = [40, 80, 113];

export type Tampering = {
  readonly kind: string;
  /** Where it must be found; `null`: an entry that is not sealed. */
  readonly at: number | null;
  /** Only a checkpoint that was kept elsewhere can tell. */
  readonly isTail: boolean;
};

type Sql = AuditLog['sql'];
type Tamper = (sql: Sql, random: SeededRandom) => Promise<Tampering>;

const within = (kind: string, at: number | null): Tampering => ({ kind, at, isTail: false });

const EDITS = [
  `action = 'key.created'`,
  `event_type = 'usage'`,
  `outcome = 'denied'`,
  `actor_type = 'user'`,
  `actor_id = 'user_other'`,
  `user_id = 'user_other'`,
  `acting_key_id = 'key_other'`,
  `session_id = 'ses_other'`,
  `request_id = 'req_other'`,
  `target_type = 'organization'`,
  `target_id = target_id || '0'`,
  `key_id = NULL`,
  `reason = 'because'`,
  `before = '{}'`,
  `after = NULL`,
  `details = '{"added": true}'`,
  `personal = personal - 'user_agent'`,
  `personal = personal || '{"ip_address": "198.51.100.1"}'`,
  `salt = decode(repeat('00', 16), 'hex')`,
  `mac = decode(repeat('00', 32), 'hex')`,
  `hash = decode(repeat('00', 32), 'hex')`,
  `previous_hash = decode(repeat('00', 32), 'hex')`,
  `organization_id = 'org_other'`,
  `id = id || '0'`,
  `sequence = sequence + 100000`,
  `sequence = -sequence`,
];
const OWN = `organization_id = '${ORGANIZATION}'`;
/** All columns but the place in the chain, the id and the position. */
const CONTENTS = ENTRY_COLUMNS.replace(/^id, /, '').replace(
  /,\s*sequence, previous_hash, hash$/,
  '',
);
const PLACE = 'sequence, previous_hash, hash';

/** Any place but the last, which is the tail. */
const place = (random: SeededRandom): number => 1 + random.below(ENTRIES - 1);

const edit: Tamper = async (sql, random) => {
  const at = place(random);
  const change = random.pick(EDITS);
  await sql(`UPDATE audit_entries SET ${change} WHERE ${OWN} AND sequence = $1`, [at]);
  // Of an entry below the first the chain's beginning is what is wrong.
  return within(`edit: ${change}`, change === 'sequence = -sequence' ? -at : at);
};

const changeTime: Tamper = async (sql, random) => {
  const at = place(random);
  const ms = (1 + random.below(1_000_000)) * (random.below(2) === 0 ? -1 : 1);
  await sql(
    `UPDATE audit_entries SET occurred_at = occurred_at + $2 * interval '1 ms' WHERE ${OWN} AND sequence = $1`,
    [at, ms],
  );
  return within('change time', at);
};

const remove: Tamper = async (sql, random) => {
  const at = place(random);
  await sql(`DELETE FROM audit_entries WHERE ${OWN} AND sequence = $1`, [at]);
  return within('delete', at);
};

/** A copy of a genuine entry in a place of its own, with all that follows hashed anew. */
const insert: Tamper = async (sql, random) => {
  const at = place(random);
  await shift(sql, at, 1);
  await copy(sql, at === 1 ? 2 : 1, at);
  await hashAnew(sql);
  return within('insert', at);
};

const insertUnsealed: Tamper = async (sql, random) => {
  await sql(
    `INSERT INTO audit_entries (id, ${CONTENTS}) SELECT 'aud_forged', ${CONTENTS} FROM audit_entries WHERE ${OWN} AND sequence = $1`,
    [place(random)],
  );
  return within('insert, unsealed', null);
};

const repeat: Tamper = async (sql, random) => {
  await copy(sql, place(random), ENTRIES + 1);
  await hashAnew(sql);
  return within('repeat at the end', ENTRIES + 1);
};

const swap: Tamper = async (sql, random) => {
  const [one, other] = twoPlaces(random);
  await sql(
    `UPDATE audit_entries AS entry SET (${PLACE}) = (SELECT -other.sequence, other.previous_hash, other.hash)
       FROM audit_entries AS other
      WHERE entry.${OWN} AND other.${OWN} AND entry.sequence = ANY($1) AND other.sequence = ANY($1) AND entry.id <> other.id`,
    [[one, other]],
  );
  await sql(`UPDATE audit_entries SET sequence = -sequence WHERE ${OWN} AND sequence < 0`);
  return within('swap places', one);
};

/** Of genuine entries, in an order of somebody else's, which only a checkpoint tells. */
const reorder: Tamper = async (sql, random) => {
  const [one, other] = twoPlaces(random);
  await sql(
    `UPDATE audit_entries SET sequence = CASE sequence WHEN $1 THEN -$2 ELSE -$1 END
      WHERE ${OWN} AND sequence IN ($1::bigint, $2::bigint)`,
    [one, other],
  );
  await sql(`UPDATE audit_entries SET sequence = -sequence WHERE ${OWN} AND sequence < 0`);
  await hashAnew(sql);
  return atCheckpoint('swap and hash anew', one);
};

const removeAndHashAnew: Tamper = async (sql, random) => {
  const at = place(random);
  await sql(`DELETE FROM audit_entries WHERE ${OWN} AND sequence = $1`, [at]);
  await shift(sql, at + 1, -1);
  await hashAnew(sql);
  return atCheckpoint('delete and hash anew', at);
};

const truncate: Tamper = async (sql, random) => {
  const first = ENTRIES - random.below(90);
  await sql(`DELETE FROM audit_entries WHERE ${OWN} AND sequence >= $1`, [first]);
  const isThorough = random.below(2) === 0;
  if (isThorough) await sql(`DELETE FROM audit_checkpoints WHERE ${OWN} AND size >= $1`, [first]);
  const isTail = isThorough || first > Math.max(...CHECKPOINTS);
  return { kind: 'truncate tail', at: first, isTail };
};

const forgeCheckpoint: Tamper = async (sql, random) => {
  const size = random.pick(CHECKPOINTS);
  const change = random.pick([
    `root_hash = decode(repeat('00', 32), 'hex')`,
    `note = replace(note, E'\\n' || size || E'\\n', E'\\n' || (size + 1) || E'\\n')`,
    `note = 'no note'`,
    `is_cut = true, removed_after = 0`,
    `size = size - 1`,
  ]);
  await sql(`UPDATE audit_checkpoints SET ${change} WHERE ${OWN} AND size = $1`, [size]);
  return within(`checkpoint: ${change}`, change === 'size = size - 1' ? size - 1 : size);
};

export const TAMPERINGS: readonly Tamper[] = [
  edit,
  edit,
  changeTime,
  remove,
  insert,
  insertUnsealed,
  repeat,
  swap,
  reorder,
  removeAndHashAnew,
  truncate,
  forgeCheckpoint,
];

function atCheckpoint(kind: string, first: number): Tampering {
  const at = CHECKPOINTS.find((size) => size >= first);
  return at === undefined ? { kind, at: ENTRIES, isTail: true } : within(kind, at);
}

function twoPlaces(random: SeededRandom): [number, number] {
  const one = place(random);
  const other = place(random);
  if (one === other) return twoPlaces(random);
  return one < other ? [one, other] : [other, one];
}

async function shift(sql: Sql, from: number, by: number): Promise<void> {
  await sql(
    `UPDATE audit_entries SET sequence = -(sequence + $2) WHERE ${OWN} AND sequence >= $1`,
    [from, by],
  );
  await sql(`UPDATE audit_entries SET sequence = -sequence WHERE ${OWN} AND sequence < 0`);
}

async function copy(sql: Sql, of: number, to: number): Promise<void> {
  await sql(
    `INSERT INTO audit_entries (id, ${CONTENTS}, ${PLACE})
     SELECT 'aud_forged', ${CONTENTS}, $2, hash, hash FROM audit_entries WHERE ${OWN} AND sequence = $1`,
    [of, to],
  );
}

/** As the product does it: what it is made of is public. */
async function hashAnew(sql: Sql): Promise<void> {
  const rows = await sql<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE ${OWN} AND sequence IS NOT NULL ORDER BY sequence`,
  );
  let { hash } = genesisOf(ORGANIZATION);
  const links = rows.map(entryOf).map(({ entry, sequence }) => {
    const previous = hash;
    hash = linkHashOf(previous, sequence ?? 0, leafHashOf(canonicalText(coveredOf(entry))));
    return { id: entry.id, previous, hash };
  });
  await sql(
    `UPDATE audit_entries SET previous_hash = link.previous, hash = link.hash
       FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS link (id, previous, hash)
      WHERE audit_entries.id = link.id`,
    [
      links.map(({ id }) => id),
      links.map(({ previous }) => previous),
      links.map((one) => one.hash),
    ],
  );
}

/** Whole numbers and choices that the seed alone decides. */
export class SeededRandom {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}
