import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class KeepCreditsJob {
  /** Grants, holds and organizations, each, that are looked at in one go. */
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxRows = 200;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'billing.keep-credits': KeepCreditsJob;
  }
}

export const BILLING_JOBS = defineJobs({
  // It may take minutes, so it says for itself, of each change, that it is its own.
  'billing.keep-credits': { payload: KeepCreditsJob },
});
