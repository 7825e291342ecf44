import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Principal } from '#common/auth/principal.js';
import { toError } from '#common/errors/to-error.js';
import { newRequestId } from '#common/ids/request-id.js';
import { Clock } from '#common/time/clock.js';

import type { EndpointMetadata } from './endpoint.decorator.js';
import { ErrorResponder } from './error-responder.js';

/** A request whose caller is known and may call this route. */
export type HotRequest = {
  readonly id: string;
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal;
};

/** Is called once, when a request is over: with `null` when it is answered, else with what becomes an error answer. */
export type Finished = (error: Error | null) => void;

/** Answers a request, and says so. What it throws counts as finished with that error. */
export type HotHandler = (request: HotRequest, finished: Finished) => void;

export type HotGuard = {
  /**
   * Finds out who calls and whether they may call this route; throws when not. What every answer to this caller says is
   * set on the response.
   */
  readonly admit: (
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: EndpointMetadata,
  ) => Principal | Promise<Principal>;
  /** Throws when this caller, as it is now, would not be admitted with that request. */
  readonly recheck: (
    request: IncomingMessage,
    endpoint: EndpointMetadata,
    principal: Principal,
  ) => void;
};

type RefusalListener = (endpoint: EndpointMetadata, principal: Principal, error: Error) => void;

type HotRoute = { readonly endpoint: EndpointMetadata; readonly handle: HotHandler };

/**
 * The short way for the few routes that carry the traffic: straight from Node's server to their handler. The same
 * routes exist as ordinary ones too; whatever is spelled in another way, or has a query, goes there. Both ways pass the
 * same guard and the same error envelopes; what the short one leaves out is routing, hooks and per-request objects
 * that these routes do not use (measured: about a third of the whole call's CPU).
 */
@Injectable()
export class HotRoutes {
  readonly #routes = new Map<string, HotRoute>();
  #guard: HotGuard | null = null;
  #onRefusal: RefusalListener | null = null;

  constructor(
    private readonly errors: ErrorResponder,
    private readonly clock: Clock,
  ) {}

  /** The listener is told of each request of a known caller that a guard refuses, whichever way it came. */
  whenRefused(listener: RefusalListener): void {
    this.#onRefusal = listener;
  }

  /** For guards: refused with this error. */
  tellRefused(endpoint: EndpointMetadata, principal: Principal, error: Error): void {
    this.#onRefusal?.(endpoint, principal, error);
  }

  /** Until there is a guard nothing is served this way. */
  guardWith(guard: HotGuard): void {
    this.#guard = guard;
  }

  /**
   * For a call that runs already, when its caller has changed.
   * @throws {AppError} what the caller would be refused with
   */
  recheck(request: IncomingMessage, endpoint: EndpointMetadata, principal: Principal): void {
    this.#guard?.recheck(request, endpoint, principal);
  }

  /** @param path the exact request target of a POST */
  add(path: string, endpoint: EndpointMetadata, handle: HotHandler): void {
    this.#routes.set(path, { endpoint, handle });
  }

  /** Whether the request was taken. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'POST' || !this.#guard) return false;
    const route = this.#routes.get(request.url ?? '');
    if (!route || request.headers['content-type'] !== 'application/json') return false;
    this.#serve(this.#guard, route, request, response);
    return true;
  }

  /** By callbacks: what is known needs no promise, and each costs every call. */
  #serve(
    guard: HotGuard,
    { endpoint, handle }: HotRoute,
    raw: IncomingMessage,
    response: ServerResponse,
  ): void {
    const id = newRequestId(this.clock.now());
    let principal: Principal | null = null;
    const finished: Finished = (error) => {
      if (error === null) return;
      const path = raw.url ?? '/';
      const failed = { requestId: id, method: 'POST', path, request: raw, principal };
      this.errors.send(response, error, failed);
    };
    try {
      const found = guard.admit(raw, response, endpoint);
      if (found instanceof Promise) {
        found
          .then((admitted) => {
            principal = admitted;
            handle({ id, raw, response, principal: admitted }, finished);
          })
          .catch((error: unknown) => finished(toError(error)));
      } else {
        principal = found;
        handle({ id, raw, response, principal: found }, finished);
      }
    } catch (error) {
      finished(toError(error));
    }
  }
}
