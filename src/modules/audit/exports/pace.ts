import { setImmediate, setTimeout } from 'node:timers/promises';

/** Shorter than that nothing sleeps. */
const LEAST_SLEEP_MS = 2;

/** Keeps long work on this thread, done a moment at a time, to a share of it: the rest is for whoever calls meanwhile. */
export class Pace {
  #owedMs = 0;
  #since = performance.now();

  /** @param share of the thread's time, above 0 and at most 1 */
  constructor(private readonly share: number) {}

  /** Work begins; what lies before was waiting. */
  resume(): void {
    this.#since = performance.now();
  }

  /** To be called after each moment of work. */
  async turn(): Promise<void> {
    this.#owedMs += (performance.now() - this.#since) * (1 / this.share - 1);
    if (this.#owedMs < LEAST_SLEEP_MS) await setImmediate();
    else {
      const sleepsAt = performance.now();
      await setTimeout(this.#owedMs);
      this.#owedMs -= performance.now() - sleepsAt;
    }
    this.resume();
  }
}
