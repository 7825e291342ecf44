export { type Days, RollupRebuild } from './rollups/rollup-rebuild.port.js';
export { type BodyKind, BodyLog, CallBodies } from './bodies/body-log.port.js';
export { type StoredBody, StoredBodies } from './bodies/stored-bodies.port.js';
export { type EventFilter, type UsageEvent, UsageEvents } from './events/usage-events.port.js';
export { RefusalCounter } from './refusals/refusal-counter.port.js';
export { FeedFollower, type FollowedPage } from './feed/feed-follower.js';
export { type FeedPosition, isAhead, isFeedPosition, shortened } from './feed/feed-position.js';
export { type FeedKey, type FeedRecord, UsageFeed } from './feed/usage-feed.port.js';
export { SpoolReplay } from './spool-replay.port.js';
export { UsageModule } from './usage.module.js';
export { UsagePipelineStats } from './usage-pipeline-stats.port.js';
export type { UsageCaller, UsageRecord, UsageRoute } from './usage-record.js';
export { UsageRecorder } from './usage-recorder.port.js';
export { UsageReplayModule } from './usage-replay.module.js';
export {
  MINUTES_KEPT_DAYS,
  type NamedUsage,
  sumUsage,
  type TimedUsage,
  type UsageFigures,
  type UsageGrouping,
  type UsageReport,
  UsageReports,
} from './usage-reports.port.js';
export { type KeyUsageTotals, UsageTotals } from './usage-totals.port.js';
export { SpoolUnavailableError } from './usage.errors.js';
