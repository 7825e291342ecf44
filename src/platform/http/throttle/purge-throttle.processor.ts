import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { purgeThrottleCounters } from './postgres.throttle-store.js';
import type { PurgeThrottleJob } from './throttle.jobs.js';

/** So that one run ends. With the usual size of a statement that is a million counters a minute. */
const MAX_STATEMENTS = 100;

/** Idempotent: what is gone is gone. A counter whose window is over counts from nothing, deleted or not. */
@JobProcessor('throttle.purge', { schedule: { pattern: '* * * * *' } })
export class PurgeThrottleProcessor implements JobHandler<PurgeThrottleJob> {
  constructor(private readonly transactions: TransactionRunner) {}

  async process({ maxRecords }: PurgeThrottleJob, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < MAX_STATEMENTS && !signal.aborted; done++) {
      if ((await purgeThrottleCounters(this.transactions, maxRecords)) < maxRecords) return;
    }
  }
}
