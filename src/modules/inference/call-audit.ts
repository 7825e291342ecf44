import { Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import { usdNumber } from '#common/money/money.js';
import type { UsageRecord } from '#modules/usage/index.js';
import { actorOf } from '#platform/audit-trail/actor.js';
import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import { Clients } from '#platform/http/clients.js';
import { noteRecorded } from '#platform/http/refused-requests.js';

const CLIENT_ERROR = 400;

/** Writes calls to the audit log, of keys whose policy says so. What is refused before it is a call is written there by others. */
@Injectable()
export class CallAudit {
  constructor(
    private readonly spool: AuditSpool,
    private readonly clients: Clients,
  ) {}

  /** @throws {AppError} `service_unavailable` where each call of this key must be written down and can't be */
  assertRecordable(caller: Principal): void {
    this.spool.assertReadyFor(caller);
  }

  /** A call that is over, with what it used. */
  ended(caller: Principal, request: IncomingMessage, record: UsageRecord): void {
    const isFailed = record.status >= CLIENT_ERROR || record.outcome !== 'completed';
    if (caller.auditedRequests !== 'all' && !isFailed) return;
    noteRecorded(request);
    const { organizationId, keyId } = caller;
    this.spool.write(
      {
        organizationId,
        action: 'request.served',
        target: { type: 'key', id: keyId },
        outcome: isFailed ? 'failure' : 'success',
        details: {
          operation: record.surface,
          model: record.route.model,
          provider: record.route.provider,
          status: record.status,
          ended: record.outcome,
          stream: record.stream,
          input_tokens: record.inputTokens,
          output_tokens: record.outputTokens,
          cost: usdNumber(record.costNanos),
        },
      },
      actorOf(caller, this.clients.of(request), record.id),
    );
  }
}
