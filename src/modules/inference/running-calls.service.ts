import { Inject, Injectable } from '@nestjs/common';

import { Bag } from '#common/collections/bag.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { authorize, type KeyView } from '#modules/keys/index.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import { CurrentCaller } from './current-caller.js';
import type { Exchange } from './exchange.js';
import { authorizeRequest } from './request/authorize-request.js';
import { RouterService } from './router.service.js';

/** Together with the second that news of a key may take, a call is cut within the two that are promised. */
const SWEEP_MS = 500;

/**
 * The calls that run, each with its key as it was when it was looked at last. A call is held to what its key is now:
 * when the key is revoked, disabled, expires, or may no longer do what the call asked for, the call is cut. What it has
 * produced until then is written down as used.
 */
@Injectable()
export class RunningCalls {
  readonly #calls = new Bag<Exchange>();
  readonly #beingRead = new Set<Exchange>();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly callers: CurrentCaller,
    private readonly router: RouterService,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  watch(exchange: Exchange): void {
    this.#calls.add(exchange);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  unwatch(exchange: Exchange): void {
    this.#calls.delete(exchange);
  }

  /** The provider of each call. */
  get providers(): string[] {
    return this.#calls.toArray().map(({ call }) => call.target.providerName);
  }

  #sweep(): void {
    for (const exchange of this.#calls.toArray()) {
      // The clock alone can end a key, also while nobody can say what else has become of it.
      this.#cutUnless(exchange, () => assertUsable(exchange.heldTo, this.clock.now()));
      if (this.#calls.has(exchange) && !this.#beingRead.has(exchange)) this.#look(exchange);
    }
    if (this.#calls.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(exchange: Exchange): void {
    this.#cutUnless(exchange, () => {
      const current = this.callers.of(exchange.heldTo, exchange.response.req);
      if (current instanceof Promise) void this.#await(exchange, current);
      else if (current !== exchange.heldTo) this.#goOnAs(exchange, current);
    });
  }

  async #await(exchange: Exchange, reading: Promise<KeyView>): Promise<void> {
    this.#beingRead.add(exchange);
    try {
      const current = await reading;
      if (this.#calls.has(exchange))
        this.#cutUnless(exchange, () => this.#goOnAs(exchange, current));
    } catch (error) {
      if (error instanceof AppError && error.status < 500) exchange.fail(error);
      // New calls are refused while PostgreSQL is away; what runs goes on, and is looked at again.
      else this.logger.debug({ err: error }, 'The key of a running call could not be read');
    } finally {
      this.#beingRead.delete(exchange);
    }
  }

  /** @throws {AppError} what the key, as it is now, would be refused with */
  #goOnAs(exchange: Exchange, current: KeyView): void {
    const { request, surface, target } = exchange.call;
    authorizeRequest(current, { request, surface, now: this.clock.now() });
    this.router.assertAllowed(current, target);
    exchange.heldTo = current;
  }

  #cutUnless(exchange: Exchange, check: () => void): void {
    try {
      check();
    } catch (error) {
      exchange.fail(error);
    }
  }
}

/** Of a key that is as it was: only time can have ended it. */
function assertUsable(view: KeyView, now: number): void {
  const decision = authorize(view, { now, neededScopes: 0, isReadOnlyRoute: true });
  if (!decision.allowed) throw new AppError(decision.code, decision);
}
