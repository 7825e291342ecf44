import { Inject, Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

import type { Finished } from '#platform/http/hot-routes.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { type CallContext, CallRecorder } from './call-recorder.js';
import { Exchange, type ExchangeTools } from './exchange.js';
import { TokenCounter } from './metering/token-counter.js';
import { ProviderAdapters } from './providers/provider-adapters.js';
import { RunningCalls } from './running-calls.service.js';
import type { UpstreamCall } from './upstream/provider-adapter.js';

/** Brings a call, its provider's adapter and its client together. */
@Injectable()
export class ExchangeRunner {
  readonly #tools: ExchangeTools;

  constructor(
    private readonly adapters: ProviderAdapters,
    recorder: CallRecorder,
    counter: TokenCounter,
    private readonly running: RunningCalls,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#tools = { recorder, counter, running, logger };
  }

  /** @param finished as {@link Exchange} calls it */
  run(
    call: UpstreamCall,
    context: CallContext,
    response: ServerResponse,
    finished: Finished,
  ): void {
    const exchange = new Exchange({ call, context, response, finished }, this.#tools);
    this.running.watch(exchange);
    try {
      exchange.attach(this.adapters.of(call.target).send(call, exchange));
    } catch (error) {
      exchange.fail(error);
    }
  }
}
