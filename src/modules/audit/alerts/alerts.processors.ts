import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { WatchCostsJob, WatchLogsJob } from './alerts.jobs.js';
import { WatchCostsService } from './watch-costs.service.js';
import { WatchLogService } from './watch-log.service.js';

/** Idempotent: how far a log was looked at moves with what follows from it. */
@JobProcessor('audit-alerts.watch', { schedule: { everyMs: 5_000 } })
export class WatchLogsProcessor implements JobHandler<WatchLogsJob> {
  constructor(private readonly logs: WatchLogService) {}

  async process({ maxEntries }: WatchLogsJob, signal: AbortSignal): Promise<void> {
    await this.logs.watchAll(maxEntries, signal);
  }
}

/** Idempotent: a rule that has raised an alert is quiet for a day. */
@JobProcessor('audit-alerts.watch-costs', { schedule: { pattern: '*/10 * * * *' } })
export class WatchCostsProcessor implements JobHandler<WatchCostsJob> {
  constructor(
    private readonly costs: WatchCostsService,
    private readonly actors: Actors,
  ) {}

  async process({ maxKeys }: WatchCostsJob, signal: AbortSignal): Promise<void> {
    await this.actors.act(jobActor('audit-alerts.watch-costs'), () =>
      this.costs.watchAll(maxKeys, signal),
    );
  }
}
