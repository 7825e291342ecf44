import { jobActor } from '#platform/audit-trail/actor.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { KeepCreditsJob } from '../billing.jobs.js';
import { ExpireCreditsService } from './expire-credits.service.js';
import { SignUpCreditService } from './sign-up-credit.service.js';

const JOB = 'billing.keep-credits';

/** Idempotent: a grant that is empty, a hold that has ended and an organization that was given its credit are not found again. */
@JobProcessor(JOB, { schedule: { pattern: '* * * * *' } })
export class KeepCreditsProcessor implements JobHandler<KeepCreditsJob> {
  readonly #actor = jobActor(JOB);

  constructor(
    private readonly expireCredits: ExpireCreditsService,
    private readonly signUpCredit: SignUpCreditService,
  ) {}

  async process({ maxRows }: KeepCreditsJob, signal: AbortSignal): Promise<void> {
    await this.signUpCredit.giveToOldOnes(maxRows, this.#actor, signal);
    await this.expireCredits.expireDue(maxRows, this.#actor, signal);
  }
}
