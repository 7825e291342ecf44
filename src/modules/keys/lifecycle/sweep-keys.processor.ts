import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { SweepKeysJob } from './key-lifecycle.jobs.js';
import { TellDueKeysService } from './tell-due-keys.service.js';

/** Idempotent: what is told is marked with it, and told no more. */
@JobProcessor('key-lifecycle.sweep', { schedule: { pattern: '* * * * *' } })
export class SweepKeysProcessor implements JobHandler<SweepKeysJob> {
  constructor(private readonly dueKeys: TellDueKeysService) {}

  process({ maxKeys }: SweepKeysJob, signal: AbortSignal): Promise<void> {
    return this.dueKeys.tellAll(maxKeys, signal);
  }
}
