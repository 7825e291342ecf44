import type { Job, JobsOptions, RepeatOptions } from 'bullmq';

/** What is used of BullMQ's `Queue`, whatever stores it. */
export type BackedQueue = {
  add(name: string, data: object, opts: JobsOptions): Promise<unknown>;
  upsertJobScheduler(
    id: string,
    repeat: Omit<RepeatOptions, 'key'>,
    template: { name: string; data: object; opts: Omit<JobsOptions, 'jobId' | 'repeat' | 'delay'> },
  ): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
};

/** What is used of BullMQ's `Worker`, whatever stores its queue. */
export type BackedWorker = {
  waitUntilReady(): Promise<unknown>;
  run(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: Job | undefined, error: Error) => void): unknown;
  on(event: 'stalled', listener: (jobId: string) => void): unknown;
  cancelAllJobs(reason?: string): void;
  close(): Promise<void>;
};

/** BullMQ passes the signal only to a function that declares three parameters. */
export type BackedProcessor = (
  job: Job,
  token: string | undefined,
  signal: AbortSignal | undefined,
) => Promise<void>;

/** Where queues are stored. One for the process; queues and workers share its connections. */
export abstract class QueueBackend {
  /** Makes the store ready for use, or rejects when it can't be reached. Any number of processes may call it at once. */
  abstract prepare(): Promise<void>;

  /** @param name the queue's; its connection is used but not waited for */
  abstract createQueue(name: string): BackedQueue;

  /** A worker that does nothing until `run()`. */
  abstract createWorker(
    name: string,
    processor: BackedProcessor,
    concurrency: number,
  ): BackedWorker;

  /** After all queues and workers are closed. Bounded. */
  abstract close(): Promise<void>;
}
