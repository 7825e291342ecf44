import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

@Injectable()
export class ReportLockOutService {
  constructor(
    private readonly jobs: JobPublisher,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Has it told that nobody can log in to the account for so long. Not waited for: the time would tell who has an account. */
  report(userId: string, seconds: number): void {
    const lockedUntil = new Date(this.clock.now() + seconds * 1_000).toISOString();
    this.jobs.publish('accounts.tell-lock-out', { userId, lockedUntil }).catch((error: unknown) => {
      this.logger.error({ err: error, user_id: userId }, 'A locked account could not be told of');
    });
  }
}
