import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  HttpStatus,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Observable, tap } from 'rxjs';

import { APPROVAL_EXAMPLE } from './approval.examples.js';
import { ApprovalResponse } from './approval.response.js';

/** An answer that is a request for approval says so with its status: nothing is done yet (RFC 9110 §15.3.3). */
@Injectable()
class MayWaitInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    return next.handle().pipe(
      tap((answer) => {
        if (!(answer instanceof ApprovalResponse)) return;
        void context.switchToHttp().getResponse<FastifyReply>().status(HttpStatus.ACCEPTED);
      }),
    );
  }
}

/** For a route that answers 202 and the request where somebody else has to approve what is asked. It goes above others that change the answer. */
export function MayWaitForApproval(): MethodDecorator {
  return applyDecorators(
    UseInterceptors(MayWaitInterceptor),
    ApiResponse({
      status: HttpStatus.ACCEPTED,
      description: 'Somebody else has to approve it first. Nothing is changed yet.',
      type: ApprovalResponse,
      example: APPROVAL_EXAMPLE,
    }),
  );
}
