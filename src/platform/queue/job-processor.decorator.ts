import { applyDecorators, Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

import type { JobMap, JobName } from './job-map.js';

/** When a job is published by itself, once for all workers. Patterns are cron expressions, in UTC. */
export type JobSchedule = { readonly pattern: string } | { readonly everyMs: number };

export type JobHandler<P> = {
  /**
   * Must be idempotent: a job runs again when it failed, and when its worker died or lost its connection.
   * @param signal aborted when the process can't wait any longer; what is thrown then is retried
   */
  process(payload: P, signal: AbortSignal): Promise<void>;
};

export type ProcessorOptions = {
  /** Scheduled jobs have the payload `{}`, so the payload's class must accept that. */
  readonly schedule?: JobSchedule;
};

/** What {@link JobProcessor} leaves on a class for the registry. */
export const ProcessorMark = DiscoveryService.createDecorator<
  ProcessorOptions & { readonly job: string }
>();

/** Makes a class the one processor of a job. List it in its module's providers, beside the job's declaration. */
export function JobProcessor<N extends JobName>(
  job: N,
  options: ProcessorOptions = {},
): (target: new (...dependencies: never[]) => JobHandler<JobMap[N]>) => void {
  return applyDecorators(Injectable(), ProcessorMark({ ...options, job }));
}
