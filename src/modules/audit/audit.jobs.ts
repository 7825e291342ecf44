import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SealEntriesJob {
  /** Entries that one transaction seals at the most. Of some 200 KB each, they are all in memory. */
  @IsInt()
  @Min(1)
  @Max(5_000)
  maxEntries = 250;
}

export class MakeCheckpointsJob {
  /** Organizations that are worked on at once. */
  @IsInt()
  @Min(1)
  @Max(50)
  atOnce = 5;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'audit.seal': SealEntriesJob;
    'audit-checkpoints.make': MakeCheckpointsJob;
  }
}

export const AUDIT_JOBS = defineJobs({
  'audit.seal': { payload: SealEntriesJob },
  'audit-checkpoints.make': { payload: MakeCheckpointsJob },
});
