import { jobActor } from '#platform/audit-trail/actor.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { ExpireApprovalsService } from '../approvals/expire-approvals.service.js';
import { RevokeOwnerlessKeysService } from '../belonging/revoke-ownerless-keys.service.js';
import type { SweepKeysJob } from './key-lifecycle.jobs.js';
import { TellDueKeysService } from './tell-due-keys.service.js';

const JOB = 'key-lifecycle.sweep';

/** Idempotent: what is told is marked with it, and told no more; what is revoked, or has expired, is not found again. */
@JobProcessor(JOB, { schedule: { pattern: '* * * * *' } })
export class SweepKeysProcessor implements JobHandler<SweepKeysJob> {
  readonly #actor = jobActor(JOB);

  constructor(
    private readonly dueKeys: TellDueKeysService,
    private readonly ownerless: RevokeOwnerlessKeysService,
    private readonly approvals: ExpireApprovalsService,
  ) {}

  async process({ maxKeys }: SweepKeysJob, signal: AbortSignal): Promise<void> {
    // Who ended the membership or deleted the account may have died before anybody heard of it.
    await this.ownerless.revoke(this.#actor, signal);
    await this.approvals.expireAll(maxKeys, this.#actor, signal);
    await this.dueKeys.tellAll(maxKeys, this.#actor, signal);
  }
}
