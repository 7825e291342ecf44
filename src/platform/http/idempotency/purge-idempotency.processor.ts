import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { PurgeIdempotencyJob } from './idempotency.jobs.js';
import { IdempotencyStore } from './idempotency.store.js';

/**
 * Idempotent: what is gone is gone. It frees the space; that a secret is no longer answered after its time is decided
 * by the clock at use, whether this has run or not.
 */
@JobProcessor('idempotency.purge', { schedule: { pattern: '* * * * *' } })
export class PurgeIdempotencyProcessor implements JobHandler<PurgeIdempotencyJob> {
  constructor(private readonly store: IdempotencyStore) {}

  async process({ maxRecords }: PurgeIdempotencyJob): Promise<void> {
    await this.store.purge(maxRecords);
  }
}
