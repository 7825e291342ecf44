import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** What a wildcard route matched, decoded. Fastify calls it `*`, which is no name for the OpenAPI document. */
export const ModelName = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { params } = context.switchToHttp().getRequest<FastifyRequest>();
  return (params as { readonly '*': string })['*'];
});
