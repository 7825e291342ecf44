import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What belongs to one thing that is being done, for all that is called on its way.
 *
 * While any AsyncLocalStorage is in use, Node 20 tracks every promise and socket of the process, those of the hot path too. So
 * it is switched off whenever nothing is being done in it: what may take long has no business here.
 */
export class ContextStorage<T> {
  readonly #storage = new AsyncLocalStorage<T>();
  #open = 0;

  /** `undefined` outside of {@link run}. */
  get current(): T | undefined {
    return this.#storage.getStore();
  }

  /** Calls `work`, for which and for whatever it calls and waits for {@link current} is `value`. */
  async run<R>(value: T, work: () => Promise<R>): Promise<R> {
    this.#open++;
    try {
      return await this.#storage.run(value, work);
    } finally {
      if (--this.#open === 0) this.#storage.disable();
    }
  }
}
