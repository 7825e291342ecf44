import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type Job, UnrecoverableError } from 'bullmq';

import { AppError } from '#common/errors/app-error.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { InvalidJobPayloadError, parsePayload } from './job-payload.js';
import { queueOf, type RunnableJob } from './job-registry.js';
import { type BackedProcessor, type BackedWorker, QueueBackend } from './queue-backend.port.js';
import { QueueErrorLog } from './queue-error-log.js';
import { DEFAULT_ATTEMPTS } from './queue-settings.js';
import { within } from '#common/time/within.js';

/** At shutdown running jobs are let finish that long, then they are told to stop … */
const MAX_FINISH_MS = 15_000;
/** … and this long after that they are left to another worker, which takes them over when their lock runs out. */
const MAX_STOP_MS = 5_000;
/** For telling the store how they ended, which can't be done while it is away. */
const MAX_CLOSE_MS = 3_000;
const TOO_MANY_REQUESTS = 429;

/** The workers of this process: one for each queue, for all of its jobs. */
@Injectable()
export class JobWorkers implements BeforeApplicationShutdown {
  readonly #workers: BackedWorker[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(
    private readonly backend: QueueBackend,
    private readonly errors: QueueErrorLog,
    private readonly actors: Actors,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Begins to empty `queue`. Once for each queue. */
  async start(queue: string, jobs: ReadonlyMap<string, RunnableJob>): Promise<void> {
    const ofQueue = [...jobs.values()].filter(({ name }) => queueOf(name) === queue);
    const concurrency = Math.max(...ofQueue.map((job) => job.concurrency));
    const processor: BackedProcessor = (job, _token, signal) =>
      this.#track(this.#run(job, jobs.get(job.name), signal ?? new AbortController().signal));
    const worker = this.backend.createWorker(queue, processor, concurrency);
    this.#workers.push(worker);
    worker.on('error', (error) => this.errors.report(queue, error));
    worker.on('stalled', (jobId) =>
      this.logger.warn({ queue, jobId }, 'A job’s worker is gone; the job runs again'),
    );
    worker.on('failed', (job, error) => this.#logFailure(queue, job, error));
    await worker.waitUntilReady();
    worker.run().catch((error: unknown) => {
      this.logger.error({ queue, err: error }, 'A queue’s worker has ended');
    });
  }

  /** Before anything that a job may need is closed. Takes as long as the running jobs, and at most 23 s. */
  async beforeApplicationShutdown(): Promise<void> {
    const closing = Promise.all(this.#workers.map((worker) => worker.close()));
    try {
      await within(MAX_FINISH_MS, this.#idle(), 'Jobs are still running.');
    } catch (error) {
      this.logger.warn({ err: error }, 'Jobs are told to stop');
      for (const worker of this.#workers) worker.cancelAllJobs('The process is shutting down.');
      await within(MAX_STOP_MS, this.#idle(), 'Running jobs are left to another worker.');
    }
    await within(MAX_CLOSE_MS, closing, 'The job queue could not be closed in time.');
  }

  /** @throws {Error} as the processor; `UnrecoverableError` for what would fail again */
  async #run(job: Job, target: RunnableJob | undefined, signal: AbortSignal): Promise<void> {
    // Retried, because in the middle of an update a newer instance may have published it for its like.
    if (!target) throw new Error(`This process has no processor for the job ${job.name}.`);
    const { handler, payload, isAudited } = target;
    try {
      const work = (): Promise<void> =>
        handler.process(parsePayload(job.name, payload, job.data), signal);
      await (isAudited ? this.actors.act(jobActor(job.name), async () => work()) : work());
    } catch (error) {
      throw isFinal(error) ? unrecoverable(error) : error;
    }
  }

  async #track(running: Promise<void>): Promise<void> {
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #logFailure(queue: string, job: Job | undefined, error: Error): void {
    const attempts = job?.opts.attempts ?? DEFAULT_ATTEMPTS;
    const attempt = job?.attemptsMade ?? 0;
    const fields = { queue, job: job?.name, jobId: job?.id, attempt, attempts, err: error };
    if (attempt >= attempts || error instanceof UnrecoverableError) {
      this.logger.error(fields, 'A job has failed for good');
    } else {
      this.logger.warn(fields, 'A job has failed and will be tried again');
    }
  }
}

/** What is wrong with the job itself will be wrong the next time, too. */
function isFinal(error: unknown): error is Error {
  if (error instanceof InvalidJobPayloadError) return true;
  return error instanceof AppError && error.status < 500 && error.status !== TOO_MANY_REQUESTS;
}

function unrecoverable(error: Error): UnrecoverableError {
  const final = new UnrecoverableError(error.message);
  final.cause = error;
  return final;
}
