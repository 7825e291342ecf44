import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Observable, tap } from 'rxjs';

/** Gives an answer that has a `version` its `ETag` (RFC 9110 §8.8.3), for `If-Match`. */
@Injectable()
export class VersionTagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    return next.handle().pipe(
      tap((answer) => {
        const { version } = (answer ?? {}) as { version?: unknown };
        if (typeof version !== 'number') return;
        void context.switchToHttp().getResponse<FastifyReply>().header('etag', `"${version}"`);
      }),
    );
  }
}
