import type { AuditEntry } from '../../domain/audit-entry.js';
import type { WatchedEvent } from './watch-key.js';

/** What an entry of a key's log has to do with its being watched; `null`: nothing. */
export function watchedEventOf(entry: AuditEntry): WatchedEvent | null {
  const at = entry.occurredAt.getTime();
  if (entry.action === 'key.used' || entry.action === 'request.served') {
    return { kind: 'used', at, country: entry.personal.country ?? null };
  }
  if (entry.action !== 'access.denied') return null;
  const { code, path, repeated } = entry.details;
  return {
    kind: 'refused',
    at,
    code: String(code),
    path: String(path),
    times: typeof repeated === 'number' ? repeated : 1,
  };
}
