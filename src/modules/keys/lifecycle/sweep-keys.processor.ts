import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { RevokeOwnerlessKeysService } from '../belonging/revoke-ownerless-keys.service.js';
import type { SweepKeysJob } from './key-lifecycle.jobs.js';
import { TellDueKeysService } from './tell-due-keys.service.js';

/** Idempotent: what is told is marked with it, and told no more; what is revoked is not found again. */
@JobProcessor('key-lifecycle.sweep', { schedule: { pattern: '* * * * *' } })
export class SweepKeysProcessor implements JobHandler<SweepKeysJob> {
  constructor(
    private readonly dueKeys: TellDueKeysService,
    private readonly ownerless: RevokeOwnerlessKeysService,
  ) {}

  async process({ maxKeys }: SweepKeysJob, signal: AbortSignal): Promise<void> {
    // Who ended the membership or deleted the account may have died before anybody heard of it.
    await this.ownerless.revoke(signal);
    await this.dueKeys.tellAll(maxKeys, signal);
  }
}
