import type { JobsOptions } from 'bullmq';

const HOUR_SECONDS = 3_600;

export const DEFAULT_ATTEMPTS = 5;
/** How many jobs of one queue a process works on at once, unless they say otherwise. */
export const CONCURRENCY = 5;
/**
 * How often it is looked for jobs whose worker has died. What one look finds taken the next one gives to another worker, if
 * its lock of 30 s is over. BullMQ's default is 30 s, by which a job could be held up for more than a minute.
 */
export const STALLED_INTERVAL_MS = 10_000;

/**
 * How every job is tried and kept: five times over about 15 s, then it stays to be looked at. Kept jobs are bounded by
 * age and by number, so no table or key grows without end.
 */
export const JOB_OPTIONS = {
  attempts: DEFAULT_ATTEMPTS,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  removeOnComplete: { age: HOUR_SECONDS, count: 1_000 },
  removeOnFail: { age: 7 * 24 * HOUR_SECONDS, count: 5_000 },
} satisfies JobsOptions;

/** Nobody reads BullMQ's own event streams. */
export const EVENT_STREAMS = { events: { maxLen: 100 } };
