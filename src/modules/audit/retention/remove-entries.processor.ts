import { Clock } from '#common/time/clock.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { RemoveEntriesJob } from '../audit.jobs.js';
import { RemoveEntriesService } from './remove-entries.service.js';

/** Idempotent: what is removed is not there any more. */
@JobProcessor('audit-retention.remove', { schedule: { pattern: '17 * * * *' } })
export class RemoveEntriesProcessor implements JobHandler<RemoveEntriesJob> {
  constructor(
    private readonly removing: RemoveEntriesService,
    private readonly clock: Clock,
  ) {}

  process({ maxEntries }: RemoveEntriesJob, signal: AbortSignal): Promise<void> {
    return this.removing.removeAll({ now: this.clock.now(), maxEntries }, signal);
  }
}
