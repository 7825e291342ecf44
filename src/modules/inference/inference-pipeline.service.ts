import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { toError } from '#common/errors/to-error.js';
import { Clock } from '#common/time/clock.js';
import type { KeyView } from '#modules/keys/index.js';
import { collectBody } from '#platform/http/body.js';
import type { Finished, HotRequest } from '#platform/http/hot-routes.js';

import { AdmissionService } from './admission.service.js';
import { CurrentCaller } from './current-caller.js';
import { ExchangeRunner } from './exchange-runner.service.js';
import { CallAllowances } from './limits/call-allowances.service.js';
import type { TakenAllowances } from './limits/taken-allowances.js';
import { authorizeRequest } from './request/authorize-request.js';
import {
  INFERENCE_BODY_LIMIT,
  type InferenceRequest,
  parseInferenceRequest,
} from './request/inference-request.js';
import { requestedRouting } from './request/requested-routing.js';
import { RouterService } from './router.service.js';
import type { Surface } from './surface.js';
import type { Target, UpstreamCall } from './upstream/provider-adapter.js';

/** The way of every governed request: read, authorize, route, call, meter, record. The caller is authenticated already. */
@Injectable()
export class InferencePipeline {
  constructor(
    private readonly admission: AdmissionService,
    private readonly router: RouterService,
    private readonly allowances: CallAllowances,
    private readonly exchanges: ExchangeRunner,
    private readonly callers: CurrentCaller,
    private readonly clock: Clock,
  ) {}

  /**
   * Serves one call.
   * @param finished gets `null` when the answer is sent or the client has left, or what must be answered instead: then
   * nothing has been sent
   */
  serve(surface: Surface, request: HotRequest, finished: Finished): void {
    const { raw } = request;
    const startedAt = performance.now();
    try {
      this.admission.assertRecordable(request.principal);
      this.admission.enter();
    } catch (error) {
      finished(toError(error));
      return;
    }
    let heldBytes = 0;
    let hasLeft = false;
    const call = { surface, request, startedAt, isRechecked: false, isUnderWay: false };
    const leave: Finished = (error) => {
      if (hasLeft) return;
      hasLeft = true;
      this.admission.leave(heldBytes);
      if (error !== null && !call.isUnderWay) this.#refuse(call, error);
      finished(error);
    };
    // A client that left while its key was looked up: its request would neither end nor fail any more.
    if (raw.destroyed) {
      leave(new AppError('invalid_request', { message: 'The client has left.' }));
      return;
    }
    const hold = (bytes: number): void => {
      this.admission.hold(bytes);
      heldBytes += bytes;
    };
    collectBody(raw, { limitBytes: INFERENCE_BODY_LIMIT, hold }, (error, body) => {
      if (error === null) this.#proceed(call, body, leave);
      else leave(error);
    });
  }

  /** A client that has left was not refused. */
  #refuse({ request: { raw, response, principal } }: ReceivedCall, error: Error): void {
    if (!response.destroyed && !raw.readableAborted) this.admission.refuse(principal, error);
  }

  #proceed(call: ReceivedCall, body: Buffer, finished: Finished): void {
    try {
      // Access control puts the view itself there; the type names only what every module may know of it.
      const admitted = call.request.principal as KeyView;
      const parsed = parseInferenceRequest(body, call.surface);
      const view = this.callers.of(admitted, call.request.raw);
      if (view instanceof Promise) {
        view
          .then((found) => this.#route(call, parsed, found, finished))
          .catch((error: unknown) => finished(toError(error)));
      } else {
        this.#route(call, parsed, view, finished);
      }
    } catch (error) {
      finished(toError(error));
    }
  }

  #route(call: ReceivedCall, parsed: InferenceRequest, view: KeyView, finished: Finished): void {
    const { surface } = call;
    const now = this.clock.now();
    parsed.outputLimit = authorizeRequest(view, { request: parsed, surface, now });
    parsed.wishes = requestedRouting(parsed);
    const target = this.router.route(view, parsed.model, parsed.wishes);
    const authorized = { view, parsed };
    if (target instanceof Promise) {
      target
        .then((found) => this.#run(call, authorized, found, finished))
        .catch((error: unknown) => finished(toError(error)));
    } else {
      this.#run(call, authorized, target, finished);
    }
  }

  #run(call: ReceivedCall, authorized: AuthorizedCall, target: Target, finished: Finished): void {
    const { surface, request } = call;
    const { response } = request;
    if (response.destroyed) {
      finished(null);
      return;
    }
    const { view, parsed } = authorized;
    const routed = { view, request: parsed, surface, target };
    const taken = this.allowances.take(routed, (leave) => response.once('close', leave));
    if (taken instanceof Promise) {
      taken
        .then((found) => this.#goOn(call, authorized, { target, allowances: found }, finished))
        .catch((error: unknown) => finished(toError(error)));
    } else {
      this.#start(call, authorized, { target, allowances: taken }, finished);
    }
  }

  /** Of a call that had to wait: its client may have left meanwhile, or its key may be another. */
  #goOn(
    call: ReceivedCall,
    authorized: AuthorizedCall,
    admitted: AdmittedCall,
    finished: Finished,
  ): void {
    const { raw, response } = call.request;
    const { view, parsed } = authorized;
    let current: KeyView | Promise<KeyView>;
    try {
      current = this.callers.of(view, raw);
    } catch (error) {
      admitted.allowances?.release();
      throw error;
    }
    if (current === view && !response.destroyed) {
      this.#start(call, authorized, admitted, finished);
      return;
    }
    admitted.allowances?.release();
    if (response.destroyed) finished(null);
    else if (current instanceof Promise) {
      if (call.isRechecked) {
        finished(new AppError('service_unavailable'));
        return;
      }
      call.isRechecked = true;
      current
        .then((found) => this.#route(call, parsed, found, finished))
        .catch((error: unknown) => finished(toError(error)));
    } else this.#route(call, parsed, current, finished);
  }

  #start(
    received: ReceivedCall,
    { view, parsed }: AuthorizedCall,
    { target, allowances }: AdmittedCall,
    finished: Finished,
  ): void {
    const { surface, request, startedAt } = received;
    received.isUnderWay = true;
    const { id, raw, response } = request;
    const call: UpstreamCall = {
      requestId: id,
      surface,
      request: parsed,
      target,
      clientHeaders: raw.headers,
      trace: null,
    };
    const context = { caller: view, request: raw, startedAt, allowances };
    const parties = { call, context, response, finished, keeps: view.keptBodies };
    if (!allowances) {
      this.exchanges.run(parties);
      return;
    }
    allowances.begin((error) => {
      if (error) finished(error);
      else if (!response.destroyed) this.exchanges.run(parties);
      else {
        allowances.release();
        finished(null);
      }
    });
  }
}

type ReceivedCall = {
  readonly surface: Surface;
  readonly request: HotRequest;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  /**
   * Its key was read anew after it had waited. That it must be again means that nobody can say what has changed, and that
   * PostgreSQL is too slow to be asked: such a call would wait for as long as that lasts.
   */
  isRechecked: boolean;
  /** It is refused no more: what becomes of it is written down. */
  isUnderWay: boolean;
};

/** By the key as it is now. */
type AuthorizedCall = { readonly view: KeyView; readonly parsed: InferenceRequest };

type AdmittedCall = { readonly target: Target; readonly allowances: TakenAllowances | null };
