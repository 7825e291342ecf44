import type { AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import { commitmentTo, type CoveredEntry, coveredOf, type PersonalFacts } from './audit-entry.js';
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

/** What its hash covers, of an entry that was exported: the way back from {@link exportedOf}. */
export function coveredOfExported(exported: ExportedEntry): CoveredEntry {
  return {
    id: exported.id,
    organizationId: exported.organization_id,
    occurredAt: new Date(exported.timestamp),
    action: exported.action as CoveredEntry['action'],
    eventType: exported.event_type as CoveredEntry['eventType'],
    outcome: exported.outcome as CoveredEntry['outcome'],
    actorType: exported.actor.type as CoveredEntry['actorType'],
    actorId: exported.actor.id,
    userId: exported.user_id,
    actingKeyId: exported.actor.key_id,
    sessionId: exported.actor.session_id,
    requestId: exported.request_id,
    targetType: exported.target.type,
    targetId: exported.target.id,
    keyId: exported.key_id,
    reason: exported.reason,
    before: exported.before,
    after: exported.after,
    details: exported.details,
    personalCommitments: exported.personal_commitments,
  };
}

/** Whether what it says of people is what was committed to. Without personal data it must say nothing of them. */
export function isPersonalSound(exported: ExportedEntry): boolean {
  const { personal, salt, personal_commitments: commitments } = exported;
  const shown = ['ip_address', 'user_agent', 'country'] as const;
  if (shown.some((name) => exported[name] !== (personal?.[name] ?? null))) return false;
  if (personal === null) return true;
  const bytes = Buffer.from(salt ?? '', 'base64url');
  const names = Object.keys(personal);
  return (
    names.length === Object.keys(commitments).length &&
    names.every((name) => commitments[name] === commitmentTo(bytes, name, personal[name] ?? ''))
  );
}

function hexOf(bytes: Buffer | null): string | null {
  return bytes?.toString('hex') ?? null;
}
