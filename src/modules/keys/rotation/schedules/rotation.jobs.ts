import { IsInt, IsString, Length, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class SweepRotationsJob {
  /** Keys that one statement finds at the most. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxKeys = 500;
}

export class KeyJob {
  @IsString()
  @Length(1, 64)
  keyId: string;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'rotation.sweep': SweepRotationsJob;
    'rotation.rotate': KeyJob;
    'rotation.remind': KeyJob;
  }
}

export const ROTATION_JOBS = defineJobs({
  'rotation.sweep': { payload: SweepRotationsJob },
  'rotation.rotate': { payload: KeyJob, isAudited: true },
  'rotation.remind': { payload: KeyJob, isAudited: true },
});
