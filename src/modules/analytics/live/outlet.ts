import type { Closing } from './close-codes.js';
import type { LiveMessage } from './live-message.js';

const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_WAITING_MESSAGES = 1_000;
/** How long a client has to take its last words; a slow one may never. */
export const LINGER_MS = 2_000;

/** The way to one client, whatever its protocol, with what waits on it. */
export abstract class Outlet {
  #waiting = 0;

  /** Messages that the kernel has not taken yet. */
  get waiting(): number {
    return this.#waiting;
  }

  get isTooSlow(): boolean {
    return this.#waiting > MAX_WAITING_MESSAGES || this.waitingBytes > MAX_WAITING_BYTES;
  }

  send(message: LiveMessage): void {
    this.#waiting++;
    this.write(message, this.#taken);
  }

  /**
   * Tells the client, and asks for a sign of life where the protocol has one.
   * @returns whether there was one since the last time
   */
  abstract beat(message: LiveMessage): boolean;

  /** Ends it with a reason, and without one if the client does not take that within {@link LINGER_MS}. */
  abstract close(closing: Closing): void;

  /** Ends it at once: there is nobody at the other end. */
  abstract cut(): void;

  /** Calls back once it has ended, whoever has ended it. */
  abstract onEnd(handler: () => void): void;

  protected abstract get waitingBytes(): number;

  protected abstract write(message: LiveMessage, taken: () => void): void;

  readonly #taken = (): void => {
    this.#waiting--;
  };
}
