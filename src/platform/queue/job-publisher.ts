import { Injectable } from '@nestjs/common';

import type { JobMap, JobName } from './job-map.js';
import { assertPayloadSize } from './job-payload.js';
import { JobQueues } from './job-queues.js';
import { JobRegistry, queueOf } from './job-registry.js';
import { DEFAULT_ATTEMPTS } from './queue-settings.js';
import { within } from '#common/time/within.js';

const MAX_PUBLISH_MS = 5_000;

export type PublishOptions = {
  /** Not started before that time has passed. */
  readonly delayMs?: number;
  /** While a job with this id waits or runs, another one is not added. */
  readonly deduplicationId?: string;
};

/**
 * Puts jobs into the queues that workers empty. A queue is no part of a database transaction: publish after the commit
 * (from an event's handler, for instance), and let a schedule find what a crash in between has left undone.
 */
@Injectable()
export class JobPublisher {
  constructor(
    private readonly registry: JobRegistry,
    private readonly queues: JobQueues,
  ) {}

  /**
   * Resolves when the queue has the job. Rejects within 5 s when its store can't be reached; the job may have been
   * taken all the same.
   * @param payload ids only, at most 4 KiB of JSON
   */
  async publish<N extends JobName>(
    name: N,
    payload: JobMap[N] & object,
    { delayMs, deduplicationId }: PublishOptions = {},
  ): Promise<void> {
    const job: string = name;
    const definition = this.registry.definitions().get(job);
    if (!definition) throw new Error(`No module of this process declares the job ${job}.`);
    assertPayloadSize(job, payload);
    const queue = await this.queues.open(queueOf(job));
    const adding = queue.add(job, payload, {
      attempts: definition.attempts ?? DEFAULT_ATTEMPTS,
      ...(delayMs !== undefined && { delay: delayMs }),
      ...(deduplicationId !== undefined && { deduplication: { id: `${job}:${deduplicationId}` } }),
    });
    await within(MAX_PUBLISH_MS, adding, `The job ${job} was not taken in time.`);
  }
}
