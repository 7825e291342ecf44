import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import type { RunExportJob, SweepExportsJob } from './exports.jobs.js';
import { RunExportService } from './run-export.service.js';
import { SweepExportsService } from './sweep-exports.service.js';

/** Idempotent: each start begins an attempt of its own, which ends the one before, and what is finished is not begun again. */
@JobProcessor('audit-export.run')
export class RunExportProcessor implements JobHandler<RunExportJob> {
  constructor(private readonly runExport: RunExportService) {}

  process({ organizationId, exportId }: RunExportJob, signal: AbortSignal): Promise<void> {
    return this.runExport.run(organizationId, exportId, signal);
  }
}

/** Idempotent: it goes by the states of exports, and changes each once. */
@JobProcessor('export-upkeep.sweep', { schedule: { everyMs: 30_000 } })
export class SweepExportsProcessor implements JobHandler<SweepExportsJob> {
  constructor(private readonly sweepExports: SweepExportsService) {}

  process({ maxExports }: SweepExportsJob): Promise<void> {
    return this.sweepExports.sweep(maxExports);
  }
}
