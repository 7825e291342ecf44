import { Clock } from '#common/time/clock.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

import { RemindOfRotationService } from '../claims/remind-of-rotation.service.js';
import { NOTICE_MS } from '../claims/domain/claim-watch.js';
import { KeyRotationRepository } from './key-rotation.repository.js';
import { RotateOnScheduleService } from './rotate-on-schedule.service.js';
import type { KeyJob, SweepRotationsJob } from './rotation.jobs.js';

/** So that one run ends; the next one comes in ten seconds. */
const MAX_PAGES = 50;

/** Finds what is to be done and publishes a job for each key. The jobs look for themselves whether there is still a need. */
@JobProcessor('rotation.sweep', { schedule: { everyMs: 10_000 } })
export class SweepRotationsProcessor implements JobHandler<SweepRotationsJob> {
  constructor(
    private readonly rotations: KeyRotationRepository,
    private readonly publisher: JobPublisher,
    private readonly clock: Clock,
  ) {}

  async process({ maxKeys }: SweepRotationsJob, signal: AbortSignal): Promise<void> {
    const now = new Date(this.clock.now());
    const soon = new Date(now.getTime() + NOTICE_MS);
    await this.#publish('rotation.rotate', maxKeys, signal, (after) =>
      this.rotations.listDueAcrossTenants(now, after, maxKeys),
    );
    await this.#publish('rotation.remind', maxKeys, signal, (after) =>
      this.rotations.listToRemindAcrossTenants({ now, soon }, after, maxKeys),
    );
  }

  async #publish(
    job: 'rotation.rotate' | 'rotation.remind',
    maxKeys: number,
    signal: AbortSignal,
    list: (after: string) => Promise<string[]>,
  ): Promise<void> {
    let after = '';
    for (let page = 0; page < MAX_PAGES && !signal.aborted; page++) {
      const keyIds = await list(after);
      for (const keyId of keyIds) {
        await this.publisher.publish(job, { keyId }, { deduplicationId: keyId });
      }
      if (keyIds.length < maxKeys) return;
      after = keyIds.at(-1) ?? '';
    }
  }
}

@JobProcessor('rotation.rotate')
export class RotateKeyProcessor implements JobHandler<KeyJob> {
  constructor(private readonly rotation: RotateOnScheduleService) {}

  process({ keyId }: KeyJob): Promise<void> {
    return this.rotation.rotate(keyId);
  }
}

@JobProcessor('rotation.remind')
export class RemindOfRotationProcessor implements JobHandler<KeyJob> {
  constructor(private readonly reminder: RemindOfRotationService) {}

  process({ keyId }: KeyJob): Promise<void> {
    return this.reminder.remind(keyId);
  }
}
