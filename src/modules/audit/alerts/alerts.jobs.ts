import { IsInt, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class WatchLogsJob {
  /** Entries that one transaction looks at. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxEntries = 1_000;
}

export class WatchCostsJob {
  /** Keys that are listed in one go. */
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxKeys = 500;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'audit-alerts.watch': WatchLogsJob;
    'audit-alerts.watch-costs': WatchCostsJob;
  }
}

export const ALERT_JOBS = defineJobs({
  'audit-alerts.watch': { payload: WatchLogsJob },
  'audit-alerts.watch-costs': { payload: WatchCostsJob },
});
