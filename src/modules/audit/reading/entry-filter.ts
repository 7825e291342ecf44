import { isGiven } from '#common/validation/given.js';
import {
  AUDIT_ACTIONS,
  type AuditAction,
  type AuditEventType,
} from '#platform/audit-trail/audit-actions.js';

import type { EntryFact } from '../trail/entry-search.js';
import { type Dates, datesOf } from './dates.js';
import type { ListAuditQuery } from './dto/audit.queries.js';

/** What entries must have to be found. Absent: anything. */
export type EntryFilter = Dates & {
  /** Who is behind it: the user. */
  readonly userId?: string;
  /** The key that was presented. */
  readonly actingKeyId?: string;
  /** Any of them; none: nothing is found. */
  readonly actions?: readonly string[];
  /** The key in whose own log it stands. */
  readonly keyId?: string;
  /** What is asked for exactly. */
  readonly facts: Readonly<Partial<Record<EntryFact, string>>>;
  readonly words?: string;
};

/** @throws {AppError} `invalid_request` that names a date that is none */
export function filterOf(query: ListAuditQuery): EntryFilter {
  const { actor, action, event_types, key_id, q } = query;
  const actions = actionsOf(action, event_types);
  return {
    ...datesOf(query),
    ...(actor?.startsWith('user_') && { userId: actor }),
    ...(actor?.startsWith('key_') && { actingKeyId: actor }),
    ...(actions && { actions }),
    ...(isGiven(key_id) && { keyId: key_id }),
    facts: factsOf(query),
    ...(isGiven(q) && { words: q }),
  };
}

function factsOf(query: ListAuditQuery): EntryFilter['facts'] {
  const { actor, target, target_type, outcome, request_id, ip_address } = query;
  const isOther = isGiven(actor) && !/^(user|key)_/.test(actor);
  const facts = { target_id: target, target_type, outcome, request_id, ip_address };
  const all = { ...facts, actor_id: isOther ? actor : undefined };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => isGiven(value)));
}

/**
 * The actions that an action or a group of them (`key.*`) and event types come down to, so that one index serves all.
 * @returns `undefined`: any
 */
export function actionsOf(
  action: string | null | undefined,
  eventTypes: readonly AuditEventType[] | null | undefined,
): readonly string[] | undefined {
  if (!isGiven(action) && !isGiven(eventTypes)) return undefined;
  const known = Object.keys(AUDIT_ACTIONS) as AuditAction[];
  const group = action?.endsWith('.*') ? action.slice(0, -1) : null;
  return known.filter((name) => {
    if (eventTypes && !eventTypes.includes(AUDIT_ACTIONS[name])) return false;
    return group === null ? !isGiven(action) || name === action : name.startsWith(group);
  });
}
