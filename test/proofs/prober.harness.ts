/** Clients that try one key on one gateway over and over, and remember when which try was admitted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { expect } from 'vitest';

import type { GatewayProcess } from '../support/gateway-process.js';

const LOOPS = 3;
const PAUSE_MS = 2;
/** More than a gateway may take to say that its store is away. */
const PATIENCE_MS = 15_000;
const ADMITTED = 200;

/** Times are on the clock of `performance.now()`. */
export type Try = {
  readonly startedAt: number;
  readonly endedAt: number;
  /** `null`: the connection broke. */
  readonly status: number | null;
};

export class Prober {
  readonly tries: Try[] = [];
  readonly #agent = new Agent({
    connections: LOOPS,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  });
  readonly #loops: Promise<void>[];
  #isStopped = false;

  constructor(
    private readonly gateway: GatewayProcess,
    private readonly key: string,
  ) {
    this.#loops = Array.from({ length: LOOPS }, () => this.#run());
  }

  /** Resolves when so many tries have been admitted: from then on the key is cached. */
  async untilAdmitted(times: number): Promise<void> {
    await expect
      .poll(() => this.admitted.length, { timeout: PATIENCE_MS, interval: 5 })
      .toBeGreaterThanOrEqual(times);
  }

  /** Whether a try was refused with this status within the time; answers as soon as one was. */
  async refuses(status: number, withinMs: number): Promise<boolean> {
    const giveUpAt = performance.now() + withinMs;
    while (!this.tries.some((one) => one.status === status)) {
      if (performance.now() > giveUpAt) return false;
      await sleep(PAUSE_MS);
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
    await this.#agent.close();
  }

  get admitted(): Try[] {
    return this.tries.filter(({ status }) => status === ADMITTED);
  }

  /** Tries that were begun after `moment`, and admitted all the same. */
  admittedSince(moment: number): Try[] {
    return this.admitted.filter(({ startedAt }) => startedAt > moment);
  }

  /** How long after `moment` the last admitted try was begun, in ms; 0 when none was begun after it. */
  admittedForMs(moment: number): number {
    return Math.max(0, ...this.admittedSince(moment).map(({ startedAt }) => startedAt - moment));
  }

  /** Tries that were admitted although an earlier one had been refused already. */
  get relapses(): Try[] {
    const refusals = this.tries.filter(({ status }) => status === 401).map((one) => one.endedAt);
    return this.admittedSince(Math.min(...refusals));
  }

  statusesSince(moment: number): Set<number | null> {
    const since = this.tries.filter(({ startedAt }) => startedAt > moment);
    return new Set(since.map(({ status }) => status));
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedAt = performance.now();
      const status = await this.#try();
      this.tries.push({ startedAt, endedAt: performance.now(), status });
      await sleep(PAUSE_MS);
    }
  }

  async #try(): Promise<number | null> {
    try {
      const { statusCode, body } = await request(`${this.gateway.origin}/v1/chat/completions`, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
        body: '{"model":"sandbox/echo","messages":[{"role":"user","content":"?"}]}',
      });
      await body.dump();
      return statusCode;
    } catch {
      // A gateway that is gone shows in the tries.
      return null;
    }
  }
}
