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
/** A log with the same stretches removed, of whose cuts none is worth anything here. */
export const ELSEWHERE = 'org_elsewhere';
export const ENTRIES = 120;
/** Of the checkpoints that stand in the database; one at the end was kept elsewhere. */
export const CHECKPOINTS = [20, 40, 60, 80, 100, 113];
/** What was removed when its time was over: behind the first place, up to the second. */
export const REMOVED = [
  [0, 20],
  [60, 80],
] as const;
/** Entries that the removal itself leaves behind it, one for each stretch. */
export const REMOVED_ENTRIES = 40;
/** Where what was removed can still be had, by somebody who has a backup. */
export const BACKUP = 'removed_entries_backup';

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

/** Where entries are. */
const PLACES = Array.from({ length: ENTRIES }, (_, index) => index + 1).filter(
  (one) => !REMOVED.some(([after, upTo]) => one > after && one <= upTo),
);

/** Any place but the last, which is the tail. */
const place = (random: SeededRandom): number => random.pick(PLACES.slice(0, -1));

/** The job's own entries have nothing in some places, where nothing can be taken away. */
const EDITED = PLACES.slice(0, -1).filter((one) => one > 80 + REMOVED.length || one <= 80);

const edit: Tamper = async (sql, random) => {
  const at = random.pick(EDITED);
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
  await copy(sql, at === PLACES[0] ? at + 1 : (PLACES[0] ?? 0), at);
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
  const first = random.pick(PLACES);
  await sql(`DELETE FROM audit_entries WHERE ${OWN} AND sequence >= $1`, [first]);
  const isThorough = random.below(2) === 0;
  if (isThorough) await sql(`DELETE FROM audit_checkpoints WHERE ${OWN} AND size >= $1`, [first]);
  const isTail = isThorough || first > Math.max(...CHECKPOINTS);
  return { kind: 'truncate tail', at: first, isTail };
};

const TO_CUT = 'is_cut = true, removed_after = 0';
const NO_CUTS = CHECKPOINTS.filter((size) => REMOVED.every(([, upTo]) => upTo !== size));

const forgeCheckpoint: Tamper = async (sql, random) => {
  const change = random.pick([
    `root_hash = decode(repeat('00', 32), 'hex')`,
    `note = replace(note, E'\\n' || size || E'\\n', E'\\n' || (size + 1) || E'\\n')`,
    `note = 'no note'`,
    TO_CUT,
    `size = size - 1`,
  ]);
  const size = random.pick(change === TO_CUT ? NO_CUTS : CHECKPOINTS);
  await sql(`UPDATE audit_checkpoints SET ${change} WHERE ${OWN} AND size = $1 AND NOT is_cut`, [
    size,
  ]);
  return within(`checkpoint: ${change}`, change === 'size = size - 1' ? size - 1 : size);
};

/** An entry that was removed is back in its place. */
export const restore: Tamper = async (sql, random) => {
  const [after, upTo] = random.pick(REMOVED);
  const at = after + 1 + random.below(upTo - after);
  await sql(
    `INSERT INTO audit_entries (id, ${CONTENTS}, ${PLACE}) SELECT id, ${CONTENTS}, ${PLACE} FROM ${BACKUP} WHERE sequence = $1`,
    [at],
  );
  return within('put a removed entry back', at);
};

const dropCut: Tamper = async (sql, random) => {
  const [after, upTo] = random.pick(REMOVED);
  await sql(`DELETE FROM audit_checkpoints WHERE ${OWN} AND is_cut AND size = $1`, [upTo]);
  return within('delete a cut', after + 1);
};

/** Stretches between two checkpoints that are there, with what could have been removed rightly. */
const KEPT = [
  [20, 40],
  [40, 60],
  [80, 100],
  [100, 113],
] as const;

const removeSegment: Tamper = async (sql, random) => {
  const [after, upTo] = random.pick(KEPT);
  await removeBetween(sql, after, upTo);
  return within('delete a whole stretch', after + 1);
};

/** Texts that look like the note of such a cut: none is one. */
const NOTES = [
  // The cut of another organization, of another stretch, the checkpoint itself, and none at all.
  `(SELECT note FROM audit_checkpoints WHERE organization_id = '${ELSEWHERE}' AND is_cut AND size = 80)`,
  `(SELECT note FROM audit_checkpoints WHERE ${OWN} AND is_cut AND size = 80)`,
  `note`,
  `replace(note, E'\\n\\n', E'\\nremoved-after ' || $1 || ' ' || encode((SELECT root_hash FROM audit_checkpoints WHERE ${OWN} AND size = $1 LIMIT 1), 'base64') || E'\\n\\n')`,
  `(SELECT note FROM audit_checkpoints WHERE organization_id = '${ELSEWHERE}' AND NOT is_cut AND size = $2)`,
];

const forgeCut: Tamper = async (sql, random) => {
  const [after, upTo] = random.pick(KEPT);
  const note = random.pick(NOTES);
  await removeBetween(sql, after, upTo);
  await sql(
    `INSERT INTO audit_checkpoints (organization_id, size, is_cut, removed_after, root_hash, note, created_at)
     SELECT organization_id, size, true, $1::bigint, root_hash, ${note}, created_at FROM audit_checkpoints
      WHERE ${OWN} AND NOT is_cut AND size = $2::bigint`,
    [after, upTo],
  );
  return within(`forged cut: ${note}`, upTo);
};

/** A genuine one, that is to be of more than was removed. */
const widenCut: Tamper = async (sql) => {
  await removeBetween(sql, 40, 60);
  await sql(
    `UPDATE audit_checkpoints SET removed_after = 40 WHERE ${OWN} AND is_cut AND size = 80`,
  );
  return within('widened cut', 80);
};

async function removeBetween(sql: Sql, after: number, upTo: number): Promise<void> {
  await sql(`DELETE FROM audit_entries WHERE ${OWN} AND sequence > $1 AND sequence <= $2`, [
    after,
    upTo,
  ]);
}

/** Which only the signatures of cuts tell. */
export const CUT_TAMPERINGS: readonly Tamper[] = [forgeCut, widenCut];

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
  restore,
  dropCut,
  removeSegment,
  ...CUT_TAMPERINGS,
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
  const cuts = await sql<{ size: string; root_hash: Buffer }>(
    `SELECT size, root_hash FROM audit_checkpoints WHERE ${OWN} AND is_cut`,
  );
  const cutAt = new Map(cuts.map(({ size, root_hash }) => [Number(size), root_hash]));
  let { size, hash } = genesisOf(ORGANIZATION);
  const links = rows.map(entryOf).map(({ entry, sequence }) => {
    const before = (sequence ?? 0) - 1;
    const previous = before === size ? hash : (cutAt.get(before) ?? hash);
    size = before + 1;
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
