import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { FindUnusedKeysService } from './find-unused-keys.service.js';
import type { FindUnusedKeysJob } from './key-lifecycle.jobs.js';

/** Idempotent: a key is told of, and disabled, once for each time that it was used last. Days are counted, so hours will do. */
@JobProcessor('key-lifecycle.find-unused', { schedule: { pattern: '17 * * * *' } })
export class FindUnusedKeysProcessor implements JobHandler<FindUnusedKeysJob> {
  constructor(private readonly unusedKeys: FindUnusedKeysService) {}

  process({ maxKeys }: FindUnusedKeysJob, signal: AbortSignal): Promise<void> {
    return this.unusedKeys.findAll(maxKeys, signal);
  }
}
