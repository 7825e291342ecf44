import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { DeleteExpiredBodiesJob } from '../usage.jobs.js';
import { KeepBodiesService } from './keep-bodies.service.js';

/** So that one run ends. With the usual size of a statement that is 50,000 bodies a minute. */
const MAX_STATEMENTS = 100;

/** Idempotent: what is gone is gone. Nobody is shown a body whose time is over, deleted or not. */
@JobProcessor('usage.delete-expired-bodies', { schedule: { pattern: '* * * * *' } })
export class DeleteExpiredBodiesProcessor implements JobHandler<DeleteExpiredBodiesJob> {
  constructor(private readonly bodies: KeepBodiesService) {}

  async process({ maxBodies }: DeleteExpiredBodiesJob, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < MAX_STATEMENTS && !signal.aborted; done++) {
      if ((await this.bodies.deleteExpired(maxBodies)) < maxBodies) return;
    }
  }
}
