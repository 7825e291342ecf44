import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { MakeCheckpointsJob } from '../audit.jobs.js';
import { MakeCheckpointsService } from './make-checkpoints.service.js';

/** Idempotent: where nothing is new there is no new checkpoint. */
@JobProcessor('audit-checkpoints.make', { schedule: { pattern: '* * * * *' } })
export class MakeCheckpointsProcessor implements JobHandler<MakeCheckpointsJob> {
  constructor(private readonly checkpoints: MakeCheckpointsService) {}

  process({ atOnce }: MakeCheckpointsJob, signal: AbortSignal): Promise<void> {
    return this.checkpoints.makeAll(atOnce, signal);
  }
}
