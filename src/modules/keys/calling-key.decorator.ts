import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from './domain/key-view.js';

/** The key that makes the call, or somebody with a session as if they were one, as the access guard found it. */
export const CallingKey = createParamDecorator((_: unknown, context: ExecutionContext): KeyView =>
  callerOf(context),
);

/** A key that makes the call, for what is about the key itself. */
export const CallingKeyItself = createParamDecorator(
  (_: unknown, context: ExecutionContext): KeyView => {
    const caller = callerOf(context);
    if (caller.role === null) return caller;
    throw new AppError('operation_not_allowed', {
      message: 'This is about the key that calls, and a session is none: call with a key.',
    });
  },
);

function callerOf(context: ExecutionContext): KeyView {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new AppError('missing_api_key');
  // The access guard puts the view itself there; the request's type names only what every module may know of it.
  return principal as KeyView;
}
