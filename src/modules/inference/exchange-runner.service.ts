import { Inject, Injectable } from '@nestjs/common';

import { BodyLog } from '#modules/usage/index.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CallRecorder } from './call-recorder.js';
import { Exchange, type ExchangeParties, type ExchangeTools } from './exchange.js';
import { TokenCounter } from './metering/token-counter.js';
import { ProviderAdapters } from './providers/provider-adapters.js';
import { RunningCalls } from './running-calls.service.js';

/** Brings a call, its provider's adapter and its client together. */
@Injectable()
export class ExchangeRunner {
  readonly #tools: ExchangeTools;

  constructor(
    private readonly adapters: ProviderAdapters,
    recorder: CallRecorder,
    counter: TokenCounter,
    private readonly running: RunningCalls,
    bodies: BodyLog,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#tools = { recorder, counter, running, bodies, logger };
  }

  run(parties: ExchangeParties): void {
    const { call, context } = parties;
    this.#tools.recorder.begin(call, context);
    const exchange = new Exchange(parties, this.#tools);
    this.running.watch(exchange);
    try {
      exchange.attach(this.adapters.of(call.target).send(call, exchange));
    } catch (error) {
      exchange.fail(error);
    }
  }
}
