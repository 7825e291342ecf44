import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SealEntriesJob {
  /** Entries that one transaction seals at the most, and of large ones fewer. */
  @IsInt()
  @Min(1)
  @Max(5_000)
  maxEntries = 1_000;
}

export class MakeCheckpointsJob {
  /** Organizations that are worked on at once. */
  @IsInt()
  @Min(1)
  @Max(50)
  atOnce = 5;
}

export class RemoveEntriesJob {
  /** Entries that one transaction removes; more where a single stretch between two checkpoints has more. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  maxEntries = 5_000;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'audit.seal': SealEntriesJob;
    'audit-checkpoints.make': MakeCheckpointsJob;
    'audit-retention.remove': RemoveEntriesJob;
  }
}

export const AUDIT_JOBS = defineJobs({
  'audit.seal': { payload: SealEntriesJob },
  'audit-retention.remove': { payload: RemoveEntriesJob },
  'audit-checkpoints.make': { payload: MakeCheckpointsJob },
});
