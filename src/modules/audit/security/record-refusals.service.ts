import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common';

import type { ErrorCode } from '#common/errors/error-codes.js';
import { type Actor, actorOf } from '#platform/audit-trail/actor.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import { type AuditEvent, INSTALLATION } from '#platform/audit-trail/audit-trail.port.js';
import { Clients } from '#platform/http/clients.js';
import { ErrorResponder } from '#platform/http/error-responder.js';
import { isRecorded, type RefusedRequest } from '#platform/http/refused-requests.js';

import { RepeatedEvents } from './repeated-events.js';

/** Refusals that may be an attack, of somebody who is known. */
const DENIED: ReadonlySet<ErrorCode> = new Set([
  'expired_api_key',
  'revoked_api_key',
  'key_disabled',
  'key_pending_approval',
  'signature_required',
  'signature_invalid',
  'timestamp_out_of_range',
  'nonce_replayed',
  'https_required',
  'ip_not_allowed',
  'country_not_allowed',
  'origin_not_allowed',
  'referrer_not_allowed',
  'user_agent_not_allowed',
  'operation_not_allowed',
  'insufficient_scope',
  'escalation_denied',
]);
/** And of somebody who is not. */
const UNKNOWN: ReadonlySet<ErrorCode> = new Set(['invalid_api_key', 'invalid_credentials']);
const SERVER_ERROR = 500;
/** A path that names something by its id. */
const ID = /\/[a-z]+_[0-9A-Za-z]{16,}/;

/** Writes to the audit log who was refused: what may be an attack always, all else of keys whose policy says so. */
@Injectable()
export class RecordRefusalsService implements OnModuleInit, BeforeApplicationShutdown {
  readonly #repeated: RepeatedEvents;

  constructor(
    private readonly responder: ErrorResponder,
    private readonly spool: AuditSpool,
    private readonly clients: Clients,
  ) {
    this.#repeated = new RepeatedEvents((event, actor) => this.spool.write(event, actor));
  }

  onModuleInit(): void {
    this.responder.whenRefused((refused) => this.#record(refused));
  }

  beforeApplicationShutdown(): void {
    this.#repeated.flush();
  }

  #record(refused: RefusedRequest): void {
    const { error, principal, request } = refused;
    if (isRecorded(request)) return;
    if (!principal) {
      if (UNKNOWN.has(error.code)) this.#count('authentication.failed', refused);
    } else if (DENIED.has(error.code) || isSearchForIds(refused)) {
      this.#count('access.denied', refused);
    } else if (principal.auditedRequests !== null) {
      this.spool.write(eventOf('request.refused', refused), this.#actorOf(refused));
    }
  }

  #count(action: AuditAction, refused: RefusedRequest): void {
    const actor = this.#actorOf(refused);
    const event = eventOf(action, refused);
    if (refused.principal && refused.principal.auditedRequests !== null) {
      this.spool.write(event, actor);
      return;
    }
    const { code } = refused.error;
    const path = code === 'not_found' ? refused.path : '';
    this.#repeated.add([action, code, path, actor.id, actor.ipAddress].join(' '), event, actor);
  }

  #actorOf({ principal, request, requestId }: RefusedRequest): Actor {
    return actorOf(principal, this.clients.of(request), requestId);
  }
}

/** Of a watched key: many of them are somebody who tries out ids. */
function isSearchForIds({ error, principal, path }: RefusedRequest): boolean {
  return error.code === 'not_found' && principal?.isWatched === true && ID.test(path);
}

function eventOf(
  action: AuditAction,
  { error, principal, method, path }: RefusedRequest,
): AuditEvent {
  const { code, status } = error;
  const isKey = principal !== null && principal.role === null;
  return {
    organizationId: principal?.organizationId ?? INSTALLATION,
    action,
    target: { type: 'route', id: path },
    keyId: isKey ? principal.keyId : null,
    outcome: status < SERVER_ERROR ? 'denied' : 'failure',
    details: { code, status, method, path },
  };
}
