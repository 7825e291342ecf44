import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';

import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import type { Actor } from '#platform/audit-trail/actor.js';
import { AUDIT_ACTIONS } from '#platform/audit-trail/audit-actions.js';
import type { AuditEvent, AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import { type AuditEntry, type PersonalFacts, SALT_BYTES } from '../domain/audit-entry.js';
import { recordable, recordableText } from '../domain/recordable.js';
import { EntryMac } from './entry-mac.js';

/** An entry as it is first written. */
export type NewEntry = { readonly entry: AuditEntry; readonly mac: Buffer };

/** Makes the entry of what has happened, with what is true of it from the first moment on: who, from where, when, and its HMAC. */
@Injectable()
export class EntryMaker {
  constructor(
    private readonly macs: EntryMac,
    private readonly clock: Clock,
  ) {}

  make(event: AuditEvent, actor: Actor): NewEntry {
    const entry: AuditEntry = {
      id: newId('auditEntry'),
      organizationId: event.organizationId,
      occurredAt: new Date(this.clock.now()),
      action: event.action,
      eventType: AUDIT_ACTIONS[event.action],
      outcome: event.outcome ?? 'success',
      actorType: actor.type,
      actorId: actor.id,
      userId: actor.userId,
      actingKeyId: actor.keyId,
      sessionId: actor.sessionId,
      requestId: actor.requestId,
      targetType: event.target.type,
      // Of a refused call it is the path, in which anything may stand.
      targetId: recordableText(event.target.id),
      keyId: keyOf(event),
      reason: textOf(event.reason),
      before: factsOf(event.before),
      after: factsOf(event.after),
      details: recordable(event.details ?? {}),
      personal: personalOf(actor, event),
      salt: randomBytes(SALT_BYTES),
    };
    return { entry, mac: this.macs.of(entry) };
  }
}

function keyOf({ keyId, target }: AuditEvent): string | null {
  if (keyId !== undefined) return keyId;
  return target.type === 'key' ? target.id : null;
}

function factsOf(facts: AuditFacts | null | undefined): AuditFacts | null {
  return facts ? recordable(facts) : null;
}

function textOf(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : recordableText(text);
}

function personalOf({ ipAddress, userAgent, country }: Actor, event: AuditEvent): PersonalFacts {
  const facts = { ...event.personal, ip_address: ipAddress, user_agent: userAgent, country };
  const known = Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== null);
  return Object.fromEntries(known.map(([name, value]) => [name, recordableText(value)]));
}
