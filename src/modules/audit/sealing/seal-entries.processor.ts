import { Clock } from '#common/time/clock.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { SealEntriesJob } from '../audit.jobs.js';
import { SealEntriesService } from './seal-entries.service.js';

/** Idempotent: what is sealed waits no more. */
@JobProcessor('audit.seal', { schedule: { everyMs: 1_000 } })
export class SealEntriesProcessor implements JobHandler<SealEntriesJob> {
  constructor(
    private readonly sealing: SealEntriesService,
    private readonly clock: Clock,
  ) {}

  process({ maxEntries }: SealEntriesJob, signal: AbortSignal): Promise<void> {
    return this.sealing.sealAll({ now: this.clock.now(), maxEntries }, signal);
  }
}
