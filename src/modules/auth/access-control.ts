import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { AppError } from '#common/errors/app-error.js';
import { toError } from '#common/errors/to-error.js';
import { Clock } from '#common/time/clock.js';
import {
  authorize,
  checkState,
  KeyDirectory,
  type KeyView,
  operationOf,
  PresentedKey,
  type Refusal,
  type RouteNeeds,
  routeNeeds,
  type SigningRules,
} from '#modules/keys/index.js';
import { allowOrigin } from '#platform/http/cors.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';
import { HotRoutes } from '#platform/http/hot-routes.js';
import { noteRefusedCaller } from '#platform/http/refused-requests.js';

import { authorizationHeader, bearerToken } from './bearer-token.js';
import { FailedAttempts } from './failed-attempts.js';
import { RequestClients } from './request-client.js';
import { isSessionToken } from './sessions/session-token.js';
import { RequestSignatures } from './signing/request-signatures.js';

/** The last `Authorization` header of a connection, and what was presented in it. */
type LastPresented = { readonly header: string; readonly key: PresentedKey };

/** Who calls, and whether they may call this route: the one answer for every way into the API. */
@Injectable()
export class AccessControl implements OnModuleInit {
  readonly #needs = new WeakMap<EndpointMetadata, RouteNeeds>();
  /** Connections are kept alive, and nearly all of them present the same key again with every request. */
  readonly #lastPresented = new WeakMap<Socket, LastPresented>();

  constructor(
    private readonly keys: KeyDirectory,
    private readonly failedAttempts: FailedAttempts,
    private readonly clock: Clock,
    private readonly hotRoutes: HotRoutes,
    private readonly clients: RequestClients,
    private readonly signatures: RequestSignatures,
  ) {}

  onModuleInit(): void {
    this.hotRoutes.guardWith({
      admit: (request, response, endpoint) => this.admit(request, response, endpoint),
      // Admission puts the view itself there; the type names only what every module may know of it.
      recheck: (request, endpoint, caller) => this.#authorize(request, endpoint, caller as KeyView),
    });
  }

  /**
   * @throws {AppError} `missing_api_key`, `invalid_api_key`, every code that `authorize` gives, and what is wrong with
   * the signature of a key that must sign
   */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: EndpointMetadata,
  ): KeyView | Promise<KeyView> {
    const found = this.#find(request);
    return found instanceof Promise
      ? found.then((view) => this.#check(request, response, endpoint, view))
      : this.#check(request, response, endpoint, found);
  }

  /**
   * For who shows something that was issued to a key instead of the key itself. What the key signed, where it must, was
   * the request for that.
   * @param view of that key, as it is now; `null` when what is shown does not do
   * @throws {AppError} as {@link admit}
   */
  admitHolder(
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: EndpointMetadata,
    view: KeyView | null,
  ): KeyView | Promise<KeyView> {
    if (!view) return this.refuse(request, new AppError('invalid_api_key'));
    announceRetirement(response, view);
    this.#letIn(request, endpoint, view);
    return this.#noteUse(request, view);
  }

  #letIn(request: IncomingMessage, endpoint: EndpointMetadata, view: KeyView): void {
    this.#letPageRead(request, view);
    this.#authorize(request, endpoint, view);
  }

  #noteUse(request: IncomingMessage, view: KeyView): KeyView {
    this.clients.noteUse(request, view);
    return view;
  }

  #find(request: IncomingMessage): KeyView | null | Promise<KeyView | null> {
    try {
      return this.keys.find(this.#presentedIn(request));
    } catch (error) {
      return this.refuse(request, toError(error));
    }
  }

  /**
   * For somebody with a session, who is who they say.
   * @throws {AppError} every code that `authorize` gives
   */
  admitMember(request: IncomingMessage, endpoint: EndpointMetadata, view: KeyView): KeyView {
    try {
      this.#letIn(request, endpoint, view);
      return view;
    } catch (error) {
      noteRefusedCaller(request, view);
      throw error;
    }
  }

  /**
   * Only who fails waits until it is counted.
   * @throws {AppError} `error`; `rate_limit_exceeded` once too many were refused at this address
   */
  async refuse(request: IncomingMessage, error: Error): Promise<never> {
    await this.failedAttempts.count(this.clients.addressOf(request));
    throw error;
  }

  #presentedIn(request: IncomingMessage): PresentedKey {
    const header = authorizationHeader(request);
    const last = this.#lastPresented.get(request.socket);
    if (last && isSameText(last.header, header)) return last.key;
    const token = bearerToken(header);
    if (isSessionToken(token)) throw needsKey();
    const key = new PresentedKey(token);
    this.#lastPresented.set(request.socket, { header, key });
    return key;
  }

  #check(
    request: IncomingMessage,
    response: ServerResponse,
    endpoint: EndpointMetadata,
    view: KeyView | null,
  ): KeyView | Promise<KeyView> {
    if (!view) return this.refuse(request, new AppError('invalid_api_key'));
    announceRetirement(response, view);
    try {
      const admitted = this.#checkKnown(request, endpoint, view);
      return admitted instanceof Promise
        ? admitted.catch((error: unknown) => this.#tell(request, endpoint, view, error))
        : admitted;
    } catch (error) {
      return this.#tell(request, endpoint, view, error);
    }
  }

  #tell(
    request: IncomingMessage,
    endpoint: EndpointMetadata,
    view: KeyView,
    thrown: unknown,
  ): never {
    noteRefusedCaller(request, view);
    this.hotRoutes.tellRefused(endpoint, view, toError(thrown));
    throw thrown;
  }

  #checkKnown(
    request: IncomingMessage,
    endpoint: EndpointMetadata,
    view: KeyView,
  ): KeyView | Promise<KeyView> {
    if (view.signing !== null) return this.#checkSigned(request, endpoint, view, view.signing);
    this.#letIn(request, endpoint, view);
    return this.#noteUse(request, view);
  }

  /**
   * Who has the key without its signing secret learns nothing of what it may do, and uses no nonce up; who is refused by
   * the key’s policy uses none up either.
   */
  #checkSigned(
    request: IncomingMessage,
    endpoint: EndpointMetadata,
    view: KeyView,
    rules: SigningRules,
  ): KeyView | Promise<KeyView> {
    const { keyId } = view;
    const now = this.clock.now();
    const state = checkState(view, { now, neededScopes: 0, isReadOnlyRoute: false });
    if (!state.allowed) throw refusal(state, endpoint, view);
    const arrival = { now, isHttps: this.clients.isHttps(request) };
    const { use } = this.signatures.verify(request, { keyId, rules }, arrival);
    this.#letIn(request, endpoint, view);
    return use === null
      ? this.#noteUse(request, view)
      : use().then(() => this.#noteUse(request, view));
  }

  #authorize(request: IncomingMessage, endpoint: EndpointMetadata, view: KeyView): void {
    const { neededScopes, isReadOnlyRoute } = this.#needsOf(endpoint);
    const isNewClient = view.restrictsClient && !this.clients.wasLetIn(request, view);
    const decision = authorize(view, {
      now: this.clock.now(),
      neededScopes,
      isReadOnlyRoute,
      operation: operationOf(request.method),
      client: isNewClient ? this.clients.of(request) : undefined,
    });
    if (!decision.allowed) throw refusal(decision, endpoint, view);
    if (isNewClient) this.clients.rememberLetIn(request, view);
  }

  /** The page of an origin that the key allows gets to read the answer, whatever it is. */
  #letPageRead(request: IncomingMessage, view: KeyView): void {
    const { origin } = request.headers;
    if (origin === undefined) return;
    const restrictions = view.rules.filter(({ code }) => code === 'origin_not_allowed');
    const client = this.clients.of(request);
    const facts = { now: 0, neededScopes: 0, isReadOnlyRoute: false, client };
    if (restrictions.length === 0) allowOrigin(request, '*');
    else if (!restrictions.some(({ denies }) => denies(facts))) {
      allowOrigin(request, origin);
    }
  }

  #needsOf(endpoint: EndpointMetadata): RouteNeeds {
    const known = this.#needs.get(endpoint);
    if (known) return known;
    const needs = routeNeeds(endpoint);
    this.#needs.set(endpoint, needs);
    return needs;
  }
}

/** To whoever presents a secret that was replaced, whatever the answer is. */
function announceRetirement(response: ServerResponse, { retirement }: KeyView): void {
  if (retirement === null) return;
  for (const [name, value] of retirement) response.setHeader(name, value);
}

function needsKey(): AppError {
  return new AppError('operation_not_allowed', {
    message: 'A session calls no models. Make a key with POST /v1/keys, and call with that.',
  });
}

function refusal(
  refused: Refusal,
  { scope }: EndpointMetadata,
  { role }: Pick<KeyView, 'role'>,
): AppError {
  if (refused.code !== 'insufficient_scope') return new AppError(refused.code, refused);
  return new AppError(refused.code, {
    message: `${role === null ? 'This API key' : `Your role ${role}`} lacks the scope ${scope}.`,
    headers: {
      // RFC 6750 §3.1
      'www-authenticate': `Bearer realm="latchkey", error="insufficient_scope", scope="${scope}"`,
    },
    details: { scope },
  });
}

/** In a time that depends on the length alone: behind a proxy a connection may be shared with somebody who guesses. */
function isSameText(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
