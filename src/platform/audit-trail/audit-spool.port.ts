import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

import type { Actor } from './actor.js';
import type { AuditEvent } from './audit-trail.port.js';

/**
 * Entries of the audit log that stand beside no change, and so in no transaction: calls, refusals, attempts. They are on disk at
 * once and in the log within seconds, each once, whatever becomes of the process or of PostgreSQL.
 */
export abstract class AuditSpool {
  /** Whether entries can be written. What may not go unrecorded is refused while they can't. */
  abstract get isHealthy(): boolean;

  /** @throws {AppError} `service_unavailable` where each request of this caller must be written down, and can't be */
  assertReadyFor({ auditedRequests }: Pick<Principal, 'auditedRequests'>): void {
    if (auditedRequests !== 'all' || this.isHealthy) return;
    throw new AppError('service_unavailable', {
      message:
        'Each request of this key is audited, and the audit log can’t be written at the moment. Try again.',
      headers: { 'retry-after': '1' },
    });
  }

  /** On disk when this returns, unless it answers `false`: then it is lost, which the log of the process says. */
  abstract write(event: AuditEvent, actor: Actor): boolean;
}
