export { type Days, RollupRebuild } from './rollups/rollup-rebuild.port.js';
export { SpoolReplay } from './spool-replay.port.js';
export { UsageModule } from './usage.module.js';
export { UsagePipelineStats } from './usage-pipeline-stats.port.js';
export type { UsageCaller, UsageRecord, UsageRoute } from './usage-record.js';
export { UsageRecorder } from './usage-recorder.port.js';
export { UsageReplayModule } from './usage-replay.module.js';
export { type KeyUsageTotals, UsageTotals } from './usage-totals.port.js';
export { SpoolUnavailableError } from './usage.errors.js';
