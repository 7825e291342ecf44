import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { type KeyView, reachesAll } from '#modules/keys/index.js';
import { StoredBodies, UsageEvents } from '#modules/usage/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { assertMayDeleteBodies } from './data-rights.js';
import type { DeleteBodiesQuery } from './dto/request-log.queries.js';
import type {
  DeletedBodiesResponse,
  DeletedRequestBodiesResponse,
} from './dto/request-log.responses.js';
import { assertStorable } from './period.js';
import { ReachedCalls } from './reached-calls.service.js';

/** Deletes bodies alone: what a call used is what is charged for, and stays. */
@Injectable()
export class DeleteBodiesService {
  constructor(
    private readonly bodies: StoredBodies,
    private readonly events: UsageEvents,
    private readonly reached: ReachedCalls,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization’s; `operation_not_allowed` */
  async deleteOf(caller: KeyView, id: string): Promise<DeletedRequestBodiesResponse> {
    assertMayDeleteBodies(caller);
    const { organizationId } = caller;
    if (!reachesAll(caller)) await this.#assertReached(caller, id);
    await this.bodies.settle();
    return this.transactions.run(async () => {
      const deleted = await this.bodies.delete(organizationId, id);
      // One without bodies is there all the same; bodies may be there before the call’s record is.
      if (deleted === 0 && !(await this.events.find(organizationId, id, null))) throw noRequest(id);
      await this.trail.append({
        organizationId,
        action: 'request.bodies_deleted',
        target: { type: 'request', id },
        details: { deleted },
      });
      return { id, deleted };
    });
  }

  async #assertReached(caller: KeyView, id: string): Promise<void> {
    const event = await this.events.find(caller.organizationId, id, null);
    if (!event || !(await this.reached.isOpenTo(caller, event.keyId))) throw noRequest(id);
  }

  /** @throws {AppError} `operation_not_allowed`, `not_found` for a key that the caller does not reach */
  async deleteMany(
    caller: KeyView,
    { before, key_id: keyId }: DeleteBodiesQuery,
  ): Promise<DeletedBodiesResponse> {
    assertMayDeleteBodies(caller);
    assertStorable(before, 'before');
    await this.reached.assertIncludes(caller, keyId);
    const selection = { keyId: keyId ?? null, before };
    const { organizationId } = caller;
    await this.bodies.settle();
    return this.transactions.run(async () => {
      const { deleted, hasMore } = await this.bodies.deleteSelected(organizationId, selection);
      await this.trail.append({
        organizationId,
        action: 'organization.bodies_deleted',
        target: { type: 'organization', id: organizationId },
        keyId: keyId ?? null,
        details: { deleted, before: before.toISOString(), key_id: keyId ?? null },
      });
      return { deleted, has_more: hasMore };
    });
  }
}

function noRequest(id: string): AppError {
  return new AppError('not_found', { message: `There is no request ${id}.` });
}
