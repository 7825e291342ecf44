import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from './domain/key-view.js';

/** The key that makes the call, as the access guard found it. */
export const CallingKey = createParamDecorator((_: unknown, context: ExecutionContext): KeyView => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new AppError('missing_api_key');
  // The access guard puts the view itself there; the request's type names only what every module may know of it.
  return principal as KeyView;
});
