import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SealEntriesJob {
  /** Entries that one transaction seals at the most. Of some 200 KB each, they are all in memory. */
  @IsInt()
  @Min(1)
  @Max(5_000)
  maxEntries = 250;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'audit.seal': SealEntriesJob;
  }
}

export const AUDIT_JOBS = defineJobs({
  'audit.seal': { payload: SealEntriesJob },
});
