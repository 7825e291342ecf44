import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { parsePayload } from './job-payload.js';
import { JobQueues } from './job-queues.js';
import { JobRegistry, queueOf } from './job-registry.js';
import { JobScheduler } from './job-scheduler.js';
import { JobWorkers } from './job-workers.js';

/** Brings up what this process does with jobs, once all modules are there: queues, and in a worker schedules and workers. */
@Injectable()
export class TypedWorkerHost implements OnApplicationBootstrap {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly registry: JobRegistry,
    private readonly queues: JobQueues,
    private readonly scheduler: JobScheduler,
    private readonly workers: JobWorkers,
  ) {}

  /** @throws InvalidJobsError when a job has not exactly one processor */
  async onApplicationBootstrap(): Promise<void> {
    if (this.config.role === 'api') {
      await this.#openQueues(this.registry.definitions().keys());
      return;
    }
    const jobs = this.registry.runnable();
    // Now, so that a store that is not there is noticed at start.
    await this.#openQueues(jobs.keys());
    for (const { name, payload, schedule, attempts } of jobs.values()) {
      if (!schedule) continue;
      parsePayload(name, payload, {});
      await this.scheduler.schedule(name, schedule, attempts);
    }
    for (const queue of queuesOf(jobs.keys())) await this.workers.start(queue, jobs);
  }

  async #openQueues(jobs: Iterable<string>): Promise<void> {
    for (const queue of queuesOf(jobs)) await this.queues.open(queue);
  }
}

function queuesOf(jobs: Iterable<string>): ReadonlySet<string> {
  return new Set([...jobs].map(queueOf));
}
