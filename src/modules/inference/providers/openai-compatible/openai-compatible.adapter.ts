import { Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

import type { ProviderEndpoint } from '#modules/catalog/index.js';

import { upstreamBody } from '../../request/inference-request.js';
import { Deadlines, Expirable } from '../../upstream/deadlines.js';
import {
  ProviderAdapter,
  type UpstreamCall,
  type UpstreamControl,
  type UpstreamSink,
} from '../../upstream/provider-adapter.js';
import { upstreamFailure } from '../../upstream/upstream-errors.js';
import { UpstreamPools } from '../../upstream/upstream-pools.js';

const USER_AGENT = 'latchkey';

/**
 * Any provider that speaks OpenAI's API. Of the client's headers none is handed on: what a provider gets is a closed
 * list, so nothing of the client's credentials or network can leak to it.
 */
@Injectable()
export class OpenAiCompatibleAdapter extends ProviderAdapter {
  readonly #headers = new WeakMap<ProviderEndpoint, Record<string, string>>();

  constructor(
    private readonly pools: UpstreamPools,
    private readonly deadlines: Deadlines,
  ) {
    super();
  }

  override send(call: UpstreamCall, sink: UpstreamSink): UpstreamControl {
    const { surface, request, target, trace } = call;
    const { endpoint } = target;
    if (!endpoint) throw new Error('The target has no endpoint.');
    const exchange = new Exchange(
      sink,
      target.providerName,
      this.deadlines,
      endpoint.timeouts.totalMs,
    );
    const headers = this.#headersOf(endpoint);
    const traceparent = trace === null ? null : trace.traceparent;
    this.pools.of(endpoint).dispatch(
      {
        method: 'POST',
        path: endpoint.basePath + surface.upstreamPath,
        headers: traceparent === null ? headers : { ...headers, traceparent },
        body: upstreamBody(request, target.upstreamModel),
        headersTimeout: endpoint.timeouts.firstByteMs,
        bodyTimeout: endpoint.timeouts.idleMs,
      },
      exchange,
    );
    return exchange;
  }

  #headersOf(endpoint: ProviderEndpoint): Record<string, string> {
    const known = this.#headers.get(endpoint);
    if (known) return known;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'user-agent': USER_AGENT,
    };
    if (endpoint.credential) headers.authorization = `Bearer ${endpoint.credential.reveal()}`;
    this.#headers.set(endpoint, headers);
    return headers;
  }
}

/** One HTTP exchange with undici, which calls the `on…` methods. */
class Exchange extends Expirable implements Dispatcher.DispatchHandler, UpstreamControl {
  #controller: Dispatcher.DispatchController | null = null;
  #isOver = false;

  constructor(
    private readonly sink: UpstreamSink,
    private readonly provider: string,
    private readonly deadlines: Deadlines,
    totalMs: number,
  ) {
    super(performance.now() + totalMs);
    deadlines.watch(this);
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (!this.#finish()) return;
    this.#controller?.abort(new Error('The call was aborted.'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('The call was aborted.'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (!this.#isOver && status >= 200) this.sink.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) this.sink.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#finish()) this.sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#finish()) this.sink.fail(upstreamFailure(this.provider, error));
  }

  override expire(): void {
    if (!this.#finish()) return;
    const cause = Object.assign(new Error('The total time is over.'), { code: 'ETIMEDOUT' });
    this.sink.fail(upstreamFailure(this.provider, cause));
    this.#controller?.abort(cause);
  }

  /** Whether it was still going on. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.deadlines.unwatch(this);
    return true;
  }
}
