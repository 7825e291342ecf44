import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Authenticator } from 'passport';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

/** What a strategy goes by. */
export type AccessAttempt = {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly endpoint: EndpointMetadata;
};

/** In the order in which they are tried, until one finds its credential. Passport has a `session` of its own. */
const STRATEGIES = ['ticket', 'session_token', 'bearer'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/**
 * The passport of this application. Passport's own instance is shared by the whole process: of two applications in it
 * one would let callers in by the other's database. For the same reason `AuthGuard` of `@nestjs/passport`, which knows
 * no other instance, is not used.
 */
@Injectable()
export class AppPassport extends Authenticator {
  /** @throws {AppError} what the strategy that found its credential says; `missing_api_key` when none has found one */
  admit(
    raw: IncomingMessage,
    response: ServerResponse,
    endpoint: EndpointMetadata,
  ): Promise<Principal> {
    // Passport hangs its own members on what it is given as the request, so it gets an object that nobody else uses.
    const attempt: AccessAttempt = { raw, response, endpoint };
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null, principal?: unknown): void => {
        if (principal) resolve(principal as Principal);
        else reject(error ?? new AppError('missing_api_key'));
      };
      this.authenticate(STRATEGIES, { session: false }, settle)(attempt, null, settle);
    });
  }
}
