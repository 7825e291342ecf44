import { Inject, Injectable } from '@nestjs/common';

import { Users } from '#modules/organizations/index.js';
import { Actors } from '#platform/audit-trail/actor.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

import { AccountAttempts } from './account-attempts.js';

@Injectable()
export class RequestPasswordResetService {
  constructor(
    private readonly users: Users,
    private readonly attempts: AccountAttempts,
    private readonly jobs: JobPublisher,
    private readonly actors: Actors,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Has a mail sent to whoever has this address, at most three an hour. Whether somebody has it, the caller learns neither
   * from what is answered nor from when.
   * @param address the client's
   * @throws {AppError} `rate_limit_exceeded` for too many calls of one client
   */
  async request(email: string, address: string): Promise<void> {
    await this.attempts.countCall(address);
    const mayMail = await this.attempts.mayMail(email);
    const user = await this.users.findByEmailAcrossTenants(email);
    if (user?.status === 'active' && mayMail) void this.#publish(user.id);
  }

  /** Not waited for: the time would tell. Whoever gets no mail asks again. */
  async #publish(userId: string): Promise<void> {
    try {
      const { requestId } = this.actors.current;
      const payload = { userId, ...(requestId !== null && { requestId }) };
      const options = { deduplicationId: userId };
      await this.jobs.publish('accounts.send-password-reset', payload, options);
    } catch (error) {
      this.logger.error({ err: error, user_id: userId }, 'A password reset could not be queued');
    }
  }
}
