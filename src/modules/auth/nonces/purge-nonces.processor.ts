import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { PurgeNoncesJob } from './nonces.jobs.js';
import { UsedNonces } from './used-nonces.store.js';

/** So that one run ends. With the usual size of a statement that is a million nonces a minute. */
const MAX_STATEMENTS = 100;

/** Idempotent: what is gone is gone. Of a nonce that it deletes no signature can be in time any more. */
@JobProcessor('nonces.purge', { schedule: { pattern: '* * * * *' } })
export class PurgeNoncesProcessor implements JobHandler<PurgeNoncesJob> {
  constructor(private readonly nonces: UsedNonces) {}

  async process({ maxRecords }: PurgeNoncesJob, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < MAX_STATEMENTS && !signal.aborted; done++) {
      if ((await this.nonces.purge(maxRecords)) < maxRecords) return;
    }
  }
}
