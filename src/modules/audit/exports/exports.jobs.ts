import { IsInt, IsString, Length, Max, Min } from 'class-validator';

import { defineJobs } from '#platform/queue/job-definitions.js';

export class RunExportJob {
  @IsString()
  @Length(1, 64)
  organizationId: string;

  @IsString()
  @Length(1, 64)
  exportId: string;
}

export class SweepExportsJob {
  /** Exports of each kind that one run looks at. */
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxExports = 100;
}

declare module '#platform/queue/job-map.js' {
  interface JobMap {
    'audit-export.run': RunExportJob;
    'export-upkeep.sweep': SweepExportsJob;
  }
}

/** In queues of their own: a process makes one export at a time, however long that takes. */
export const EXPORT_JOBS = defineJobs({
  'audit-export.run': { payload: RunExportJob, concurrency: 1 },
  'export-upkeep.sweep': { payload: SweepExportsJob, concurrency: 1 },
});
