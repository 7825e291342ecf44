import type { AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import { coveredOf, type PersonalFacts } from './audit-entry.js';
import type { StoredEntry } from './stored-entry.js';

/**
 * An entry as the API shows it and an export holds it. Everything that its hash covers is there, so it can be verified by whoever
 * has it (docs/audit-verification.md): with what is personal by its `salt`, without it by the commitments in `personal_commitments`.
 */
export type ExportedEntry = {
  readonly id: string;
  readonly organization_id: string;
  readonly timestamp: string;
  readonly event_type: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor: {
    readonly type: string;
    readonly id: string | null;
    readonly key_id: string | null;
    readonly session_id: string | null;
  };
  readonly user_id: string | null;
  /** `null` where it is not known, and where the export is without personal data. */
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly country: string | null;
  readonly target: { readonly type: string; readonly id: string };
  readonly key_id: string | null;
  readonly request_id: string | null;
  readonly reason: string | null;
  readonly before: AuditFacts | null;
  readonly after: AuditFacts | null;
  readonly details: AuditFacts;
  /** All personal facts by name, the three above included; `null` where it goes without them. */
  readonly personal: PersonalFacts | null;
  /** Base64url, for checking `personal`; `null` where it goes without. */
  readonly salt: string | null;
  readonly personal_commitments: PersonalFacts;
  /** `null`: not sealed yet. */
  readonly sequence: number | null;
  /** Of the chain up to the entry before, hexadecimal: with it the entry verifies where that one is not in the export. */
  readonly previous_hash: string | null;
  /** Of the chain up to this entry, hexadecimal. */
  readonly hash: string | null;
};

/** @param includePii whether with what is about people */
export function exportedOf(
  { entry, sequence, previousHash, hash }: StoredEntry,
  includePii: boolean,
): ExportedEntry {
  const personal = includePii ? entry.personal : null;
  return {
    id: entry.id,
    organization_id: entry.organizationId,
    timestamp: entry.occurredAt.toISOString(),
    event_type: entry.eventType,
    action: entry.action,
    outcome: entry.outcome,
    actor: {
      type: entry.actorType,
      id: entry.actorId,
      key_id: entry.actingKeyId,
      session_id: entry.sessionId,
    },
    user_id: entry.userId,
    ip_address: personal?.ip_address ?? null,
    user_agent: personal?.user_agent ?? null,
    country: personal?.country ?? null,
    target: { type: entry.targetType, id: entry.targetId },
    key_id: entry.keyId,
    request_id: entry.requestId,
    reason: entry.reason,
    before: entry.before,
    after: entry.after,
    details: entry.details,
    personal,
    salt: includePii ? entry.salt.toString('base64url') : null,
    personal_commitments: coveredOf(entry).personalCommitments,
    sequence,
    previous_hash: hexOf(previousHash),
    hash: hexOf(hash),
  };
}

function hexOf(bytes: Buffer | null): string | null {
  return bytes?.toString('hex') ?? null;
}
