import { Clock } from '#common/time/clock.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { SessionRepository } from '../sessions/session.repository.js';
import type { PurgeAccountsJob, SendPasswordResetJob, TellLockOutJob } from './accounts.jobs.js';
import { PasswordResetRepository } from './password-reset.repository.js';
import { SendPasswordResetService } from './send-password-reset.service.js';
import { TellLockOutService } from './tell-lock-out.service.js';

/** So that one run ends. */
const MAX_PURGES = 100;

/** Not quite idempotent: where a worker dies after sending, another mail is sent, with another token. Both are good. */
@JobProcessor('accounts.send-password-reset')
export class SendPasswordResetProcessor implements JobHandler<SendPasswordResetJob> {
  constructor(private readonly sender: SendPasswordResetService) {}

  process({ userId, requestId }: SendPasswordResetJob): Promise<void> {
    return this.sender.send(userId, requestId ?? null);
  }
}

/** Idempotent: of one lock-out each organization is told once. */
@JobProcessor('accounts.tell-lock-out')
export class TellLockOutProcessor implements JobHandler<TellLockOutJob> {
  constructor(private readonly lockOuts: TellLockOutService) {}

  process({ userId, lockedUntil }: TellLockOutJob): Promise<void> {
    return this.lockOuts.tell(userId, new Date(lockedUntil));
  }
}

/** Idempotent: what is gone is gone. Nothing that it deletes is good any more. */
@JobProcessor('accounts.purge', { schedule: { pattern: '41 * * * *' } })
export class PurgeAccountsProcessor implements JobHandler<PurgeAccountsJob> {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly resets: PasswordResetRepository,
    private readonly clock: Clock,
  ) {}

  async process({ maxRecords }: PurgeAccountsJob, signal: AbortSignal): Promise<void> {
    const now = this.clock.now();
    for (let done = 0; done < MAX_PURGES && !signal.aborted; done++) {
      const sessions = await this.sessions.purge(now, maxRecords);
      const resets = await this.resets.purge(new Date(now), maxRecords);
      if (sessions < maxRecords && resets < maxRecords) return;
    }
  }
}
