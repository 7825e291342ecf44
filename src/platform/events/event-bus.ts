import { Inject, Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { EventMap, EventName } from './event-map.js';

export type EventHandler<N extends EventName> = (payload: EventMap[N]) => void | Promise<void>;

/** More than this on one event are handlers that someone adds again and again. */
const MANY_HANDLERS = 50;

/**
 * Tells other modules of this process what has happened. At most once: an event is gone with the process, so an effect
 * that may not be lost is written in the transaction itself.
 */
@Injectable()
export class EventBus {
  readonly #handlers = new Map<EventName, ((payload: never) => void | Promise<void>)[]>();

  constructor(
    private readonly transactions: TransactionRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Calls `handler` for each event of this name from now on. Handlers are started in the order they were added. */
  on<N extends EventName>(name: N, handler: EventHandler<N>): void {
    const handlers = this.#handlers.get(name) ?? [];
    handlers.push(handler);
    this.#handlers.set(name, handlers);
    if (handlers.length > MANY_HANDLERS) {
      this.logger.warn({ event: name, handlers: handlers.length }, 'An event has many handlers');
    }
  }

  /**
   * Inside a transaction the event is held until that is committed and dropped when it is rolled back; elsewhere it
   * goes out at once. Handlers are started before this returns but not waited for; the failure of one is logged and
   * reaches neither the emitter nor the other handlers.
   */
  emit<N extends EventName>(name: N, payload: EventMap[N]): void {
    this.transactions.afterCommit(() => {
      for (const handler of this.#handlers.get(name) ?? []) {
        this.#start(name, () => handler(payload as never));
      }
    });
  }

  #start(name: EventName, handle: () => void | Promise<void>): void {
    const fail = (error: unknown): void =>
      this.logger.error({ event: name, err: error }, 'A handler of an event failed');
    try {
      Promise.resolve(handle()).catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}
