import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mergeMap, type Observable } from 'rxjs';

import { type Propagation, Receipts } from '#platform/fanout/receipts.js';

import { KEYS_CHANGED_TOPIC } from './keys.events.js';

const MAX_WAIT_S = 10;
/** RFC 7240 §4.3, among other preferences. */
const WAIT = /(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=[,;]|$)/i;

/**
 * Lets whoever changes a key wait until every live instance knows: with `Prefer: wait=5` the answer has `propagation`.
 * The wait is over as soon as all have said so.
 */
@Injectable()
class PropagationInterceptor implements NestInterceptor {
  constructor(private readonly receipts: Receipts) {}

  intercept(context: ExecutionContext, next: CallHandler<object>): Observable<object> {
    const http = context.switchToHttp();
    const { headers, params } = http.getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const seconds = waitSeconds(headers.prefer);
    const keyId = params.id;
    if (seconds === null || keyId === undefined) return next.handle();
    return next.handle().pipe(
      mergeMap((answer) => {
        void http.getResponse<FastifyReply>().header('preference-applied', `wait=${seconds}`);
        // Once more: the change's own message may not have been handed over yet.
        return this.receipts
          .publish(KEYS_CHANGED_TOPIC, keyId, seconds * 1_000)
          .then((found) => ({ ...answer, propagation: found && view(found) }));
      }),
    );
  }
}

/** For a route that changes the key of its `id`. */
export function ConfirmsPropagation(): MethodDecorator {
  return applyDecorators(
    UseInterceptors(PropagationInterceptor),
    ApiHeader({
      name: 'prefer',
      required: false,
      description: `\`wait=<seconds>\`, at most ${MAX_WAIT_S}: answer with \`propagation\` once every live instance knows of the change (RFC 7240).`,
      example: 'wait=5',
    }),
  );
}

function view({ instances, acknowledged, atMs }: Propagation): object {
  return { instances, acknowledged, at_ms: atMs };
}

function waitSeconds(prefer: string | string[] | undefined): number | null {
  const wait = WAIT.exec([prefer ?? ''].flat().join(','))?.[1];
  return wait === undefined ? null : Math.min(Number(wait), MAX_WAIT_S);
}
