import { Injectable } from '@nestjs/common';
import { ErrorCode } from 'bullmq';
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { JobSchedule } from './job-processor.decorator.js';
import { JobQueues } from './job-queues.js';
import { queueOf } from './job-registry.js';
import { JOB_OPTIONS } from './queue-settings.js';

const MAX_TRIES = 10;
const MAX_PAUSE_MS = 200;
const DEADLOCK_DETECTED = '40P01';

/** Keeps the schedules of jobs in their queues, where each occurrence is one job for all workers together. */
@Injectable()
export class JobScheduler {
  constructor(private readonly queues: JobQueues) {}

  /** Adds the schedule of `job`, or changes it to this one. Every worker calls it at start, and several may at once. */
  async schedule(job: string, schedule: JobSchedule, attempts: number): Promise<void> {
    const queue = await this.queues.open(queueOf(job));
    for (let tries = 1; ; tries++) {
      try {
        await queue.upsertJobScheduler(job, repetition(schedule), {
          name: job,
          data: {},
          opts: { ...JOB_OPTIONS, attempts },
        });
        return;
      } catch (error) {
        if (tries === MAX_TRIES || !isContention(error)) throw error;
        await sleep(randomInt(MAX_PAUSE_MS));
      }
    }
  }
}

function repetition(schedule: JobSchedule): { pattern: string; tz: string } | { every: number } {
  return 'pattern' in schedule
    ? { pattern: schedule.pattern, tz: 'UTC' }
    : { every: schedule.everyMs };
}

/** In PostgreSQL BullMQ replaces a schedule's next job in several steps, between which others may see or do the same. */
function isContention(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return (
    code === ErrorCode.SchedulerJobIdCollision ||
    code === ErrorCode.SchedulerJobSlotsBusy ||
    code === DEADLOCK_DETECTED
  );
}
