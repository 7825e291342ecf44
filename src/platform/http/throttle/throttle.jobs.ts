import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class PurgeThrottleJob {
  /** Counters that one statement deletes at the most. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxRecords = 10_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'throttle.purge': PurgeThrottleJob;
  }
}

export const THROTTLE_JOBS = defineJobs({ 'throttle.purge': { payload: PurgeThrottleJob } });
