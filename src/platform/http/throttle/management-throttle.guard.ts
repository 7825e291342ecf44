import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerLimitDetail } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';

/** Management calls per credential and minute, over all routes and instances together. */
export const MANAGEMENT_CALLS_PER_MINUTE = 600;

/** Keeps one credential from crowding out the others. It runs after the access guard, so the caller is known. */
@Injectable()
export class ManagementThrottleGuard extends ThrottlerGuard {
  protected override getTracker(request: FastifyRequest): Promise<string> {
    return Promise.resolve(request.principal?.keyId ?? request.ip);
  }

  /** The limit is the credential's, not the route's. */
  protected override generateKey(_context: ExecutionContext, credential: string): string {
    return credential;
  }

  protected override throwThrottlingException(
    _context: ExecutionContext,
    { limit, timeToBlockExpire }: ThrottlerLimitDetail,
  ): Promise<void> {
    throw new AppError('rate_limit_exceeded', {
      message: `More than ${limit} management calls in a minute. Try again in ${timeToBlockExpire} s.`,
      headers: { 'retry-after': String(timeToBlockExpire) },
      details: {
        limit: {
          metric: 'management_requests',
          window: 'minute',
          limit,
          resets_in_s: timeToBlockExpire,
        },
      },
    });
  }
}
