import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class MaintainPartitionsJob {
  /** For how many days after today partitions shall exist. */
  @IsInt()
  @Min(1)
  @Max(31)
  daysAhead = 7;
}

export class DeleteExpiredBodiesJob {
  /** Bodies that one statement deletes at the most; each has up to 64 KiB. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxBodies = 500;
}

declare module '#platform/queue/job-map.js' {
  // Merging is what interfaces alone can do.
  interface JobMap {
    'usage.maintain-partitions': MaintainPartitionsJob;
    'usage.delete-expired-bodies': DeleteExpiredBodiesJob;
  }
}

export const USAGE_JOBS = defineJobs({
  'usage.maintain-partitions': { payload: MaintainPartitionsJob },
  'usage.delete-expired-bodies': { payload: DeleteExpiredBodiesJob },
});
