import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import type { KeyView } from '#modules/keys/index.js';

import { presentedSession } from './presented-session.js';

/** A session that makes a call. */
export type CallingSession = {
  readonly token: Secret;
  readonly userId: string;
  readonly view: KeyView;
};

/** The session that makes the call, as the access guard found it: a key that calls is refused. */
export const FromSession = createParamDecorator(
  (_: unknown, context: ExecutionContext): CallingSession => {
    const { principal, raw } = context.switchToHttp().getRequest<FastifyRequest>();
    const token = presentedSession(raw);
    if (!token || !principal?.userId || principal.role === null) {
      throw new AppError('operation_not_allowed', {
        message: 'This is for people who have logged in. GET /v1/key tells a key about itself.',
      });
    }
    return { token, userId: principal.userId, view: principal as KeyView };
  },
);
