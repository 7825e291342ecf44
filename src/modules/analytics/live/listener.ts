import type { IncomingMessage } from 'node:http';

import type { KeyState, KeyView } from '#modules/keys/index.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import { type Closing, TOO_SLOW } from './close-codes.js';
import type { LiveMessage } from './live-message.js';
import type { Outlet } from './outlet.js';

const MAX_HELD = 1_000;

/** With whom it belongs to. */
export type WatchedKey = Omit<KeyState, 'revokedAt'>;

/** With which request somebody began to listen. */
export type Admission = {
  readonly request: IncomingMessage;
  readonly endpoint: EndpointMetadata;
  readonly caller: KeyView;
};

/** Somebody who watches a key. */
export class Listener {
  readonly request: IncomingMessage;
  readonly endpoint: EndpointMetadata;
  /** As it was when it was looked at last. */
  caller: KeyView;
  beatAt = performance.now();
  #isOpen = true;
  /**
   * What is told while the past is read: `skip`, since the past will have it; an array, in which it waits; or straight on.
   */
  #mode: 'skip' | 'pass' | LiveMessage[] = 'skip';
  #onEnd: (closing: Closing | null) => void = () => undefined;

  constructor(
    { request, endpoint, caller }: Admission,
    /** As it was when it was looked at last. */
    public key: WatchedKey,
    private readonly outlet: Outlet,
  ) {
    this.request = request;
    this.endpoint = endpoint;
    this.caller = caller;
    outlet.onEnd(() => this.#end(null));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isLive(): boolean {
    return this.#mode === 'pass';
  }

  /** Messages that the client has yet to take. */
  get waiting(): number {
    return this.outlet.waiting;
  }

  /** Calls back once, when it ends; with `null` when the client left. */
  onEnd(handler: (closing: Closing | null) => void): void {
    this.#onEnd = handler;
  }

  /** From the past: sent at once. */
  replay(message: LiveMessage): void {
    if (this.#isOpen) this.#send(message);
  }

  /** What happens now. */
  tell(message: LiveMessage): void {
    if (!this.#isOpen || this.#mode === 'skip') return;
    if (this.#mode === 'pass') this.#send(message);
    else if (this.#mode.push(message) > MAX_HELD) this.close(TOO_SLOW);
  }

  /** From now on what is told waits. */
  hold(): void {
    this.#mode = [];
  }

  /** The past is read. */
  release(): void {
    const held = this.#mode;
    this.#mode = 'pass';
    if (Array.isArray(held)) for (const message of held) this.tell(message);
  }

  beat(message: LiveMessage): void {
    this.beatAt = performance.now();
    if (!this.outlet.beat(message)) this.outlet.cut();
    this.dropIfSlow();
  }

  dropIfSlow(): void {
    if (this.#isOpen && this.outlet.isTooSlow) this.close(TOO_SLOW);
  }

  close(closing: Closing): void {
    if (!this.#isOpen) return;
    this.#end(closing);
    this.outlet.close(closing);
  }

  #send(message: LiveMessage): void {
    this.outlet.send(message);
    this.dropIfSlow();
  }

  #end(closing: Closing | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#mode = 'skip';
    this.#onEnd(closing);
  }
}
