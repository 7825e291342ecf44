import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SweepKeysJob {
  /** Keys that one transaction tells of at the most. */
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxKeys = 100;
}

export class FindUnusedKeysJob {
  /** Keys that are looked at in one go. */
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxKeys = 500;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'key-lifecycle.sweep': SweepKeysJob;
    'key-lifecycle.find-unused': FindUnusedKeysJob;
  }
}

export const KEY_LIFECYCLE_JOBS = defineJobs({
  // They may take minutes, so they say for themselves, of each batch, that it is theirs.
  'key-lifecycle.sweep': { payload: SweepKeysJob },
  'key-lifecycle.find-unused': { payload: FindUnusedKeysJob },
});
