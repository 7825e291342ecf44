import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class PurgeIdempotencyJob {
  /** Records that one run deletes at the most. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxRecords = 10_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'idempotency.purge': PurgeIdempotencyJob;
  }
}

export const IDEMPOTENCY_JOBS = defineJobs({
  'idempotency.purge': { payload: PurgeIdempotencyJob },
});
