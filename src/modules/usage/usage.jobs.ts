import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class MaintainPartitionsJob {
  /** For how many days after today partitions shall exist. */
  @IsInt()
  @Min(1)
  @Max(31)
  daysAhead = 7;
}

declare module '#platform/queue/job-map.js' {
  // Merging is what interfaces alone can do.
  interface JobMap {
    'usage.maintain-partitions': MaintainPartitionsJob;
  }
}

export const USAGE_JOBS = defineJobs({
  'usage.maintain-partitions': { payload: MaintainPartitionsJob },
});
