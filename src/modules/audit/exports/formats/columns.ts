import type { ExportedEntry } from '../../domain/exported-entry.js';

export type ColumnValue = string | number | null;

/** An entry in columns: what is nested is JSON in a text. The names are a public contract: only add. */
export const COLUMNS: readonly (readonly [
  name: string,
  of: (entry: ExportedEntry) => ColumnValue,
])[] = [
  ['id', (entry) => entry.id],
  ['organization_id', (entry) => entry.organization_id],
  ['timestamp', (entry) => entry.timestamp],
  ['event_type', (entry) => entry.event_type],
  ['action', (entry) => entry.action],
  ['outcome', (entry) => entry.outcome],
  ['actor_type', ({ actor }) => actor.type],
  ['actor_id', ({ actor }) => actor.id],
  ['actor_key_id', ({ actor }) => actor.key_id],
  ['actor_session_id', ({ actor }) => actor.session_id],
  ['user_id', (entry) => entry.user_id],
  ['ip_address', (entry) => entry.ip_address],
  ['user_agent', (entry) => entry.user_agent],
  ['country', (entry) => entry.country],
  ['target_type', ({ target }) => target.type],
  ['target_id', ({ target }) => target.id],
  ['key_id', (entry) => entry.key_id],
  ['request_id', (entry) => entry.request_id],
  ['reason', (entry) => entry.reason],
  ['before', ({ before }) => jsonOf(before)],
  ['after', ({ after }) => jsonOf(after)],
  ['details', ({ details }) => jsonOf(details)],
  ['personal', ({ personal }) => jsonOf(personal)],
  ['salt', (entry) => entry.salt],
  ['personal_commitments', (entry) => jsonOf(entry.personal_commitments)],
  ['sequence', (entry) => entry.sequence],
  ['previous_hash', (entry) => entry.previous_hash],
  ['hash', (entry) => entry.hash],
];

function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
