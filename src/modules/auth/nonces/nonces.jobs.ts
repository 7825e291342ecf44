import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class PurgeNoncesJob {
  /** Nonces that one statement deletes at the most. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxRecords = 10_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'nonces.purge': PurgeNoncesJob;
  }
}

export const NONCES_JOBS = defineJobs({ 'nonces.purge': { payload: PurgeNoncesJob } });
