import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';

function principalOf(context: ExecutionContext): Principal {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new AppError('missing_api_key');
  return principal;
}

/** Who makes the call, as the access guard found it. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal =>
  principalOf(context),
);

/** The id of the organization that the call is made for. */
export const CallerOrganization = createParamDecorator(
  (_: unknown, context: ExecutionContext): string => principalOf(context).organizationId,
);
