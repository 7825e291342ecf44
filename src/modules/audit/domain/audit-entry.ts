import canonicalize from 'canonicalize';
import { createHash, createHmac } from 'node:crypto';

import type { Actor } from '#platform/audit-trail/actor.js';
import type { AuditAction, AuditEventType } from '#platform/audit-trail/audit-actions.js';
import type { AuditFacts, AuditOutcome } from '#platform/audit-trail/audit-trail.port.js';

/** What about people is committed to, by name: `ip_address`, `user_agent`, `country`, and what an event adds (`email`, `name`). */
export type PersonalFacts = Readonly<Record<string, string>>;

/** An entry of the audit log, as it was written. */
export type AuditEntry = {
  readonly id: string;
  readonly organizationId: string;
  readonly occurredAt: Date;
  readonly action: AuditAction;
  readonly eventType: AuditEventType;
  readonly outcome: AuditOutcome;
  readonly actorType: Actor['type'];
  readonly actorId: string | null;
  readonly userId: string | null;
  readonly actingKeyId: string | null;
  readonly sessionId: string | null;
  readonly requestId: string | null;
  readonly targetType: string;
  readonly targetId: string;
  /** The key in whose own log it stands. */
  readonly keyId: string | null;
  readonly reason: string | null;
  readonly before: AuditFacts | null;
  readonly after: AuditFacts | null;
  readonly details: AuditFacts;
  readonly personal: PersonalFacts;
  /** 16 random bytes, from which the salt of each personal fact is derived. */
  readonly salt: Buffer;
};

/** All of an entry that its hash covers. Of what is personal that is a commitment, with which an export can go without it. */
export type CoveredEntry = Omit<AuditEntry, 'personal' | 'salt'> & {
  /** By name, in base64url: see {@link commitmentTo}. */
  readonly personalCommitments: PersonalFacts;
};

export const SALT_BYTES = 16;

/** Changes whenever {@link canonicalText} does, so that entries of before still verify. */
const FORM_VERSION = 1;

export function coveredOf({ personal, salt, ...entry }: AuditEntry): CoveredEntry {
  return {
    ...entry,
    personalCommitments: Object.fromEntries(
      Object.entries(personal).map(([name, value]) => [name, commitmentTo(salt, name, value)]),
    ),
  };
}

/** Of one personal fact: whoever knows it tells nothing of the others by it. */
export function saltOf(salt: Buffer, name: string): Buffer {
  return createHmac('sha256', salt).update(name).digest();
}

/** SHA-256 of the fact's own salt and the fact, in base64url: without the salt nothing can be learned from it by trying. */
export function commitmentTo(salt: Buffer, name: string, value: string): string {
  return createHash('sha256').update(saltOf(salt, name)).update(value).digest('base64url');
}

/** What is hashed and signed of an entry: JSON in the canonical form of RFC 8785. */
export function canonicalText(entry: CoveredEntry): string {
  const text = canonicalize({
    v: FORM_VERSION,
    id: entry.id,
    organization_id: entry.organizationId,
    occurred_at: entry.occurredAt.toISOString(),
    action: entry.action,
    event_type: entry.eventType,
    outcome: entry.outcome,
    actor: {
      type: entry.actorType,
      id: entry.actorId,
      user_id: entry.userId,
      key_id: entry.actingKeyId,
      session_id: entry.sessionId,
    },
    request_id: entry.requestId,
    target: { type: entry.targetType, id: entry.targetId },
    key_id: entry.keyId,
    reason: entry.reason,
    before: entry.before,
    after: entry.after,
    details: entry.details,
    personal: entry.personalCommitments,
  });
  if (text === undefined) throw new Error('An audit entry must be JSON.');
  return text;
}
