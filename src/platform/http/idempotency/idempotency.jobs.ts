import { defineJobs } from '#platform/queue/job-definitions.js';

export class PurgeIdempotencyJob {}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'idempotency.purge': PurgeIdempotencyJob;
  }
}

export const IDEMPOTENCY_JOBS = defineJobs({
  'idempotency.purge': { payload: PurgeIdempotencyJob },
});
