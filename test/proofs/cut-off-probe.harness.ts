/** A holder of an old secret who does not give up, on one instance. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from 'undici';

import type { GatewayProcess } from '../support/gateway-process.js';
import { askSandbox } from './steady-load.harness.js';

const EVERY_MS = 100;
/** It begins so long before the end. */
const LEAD_MS = 400;
/** So many refusals in a row, and it is over. */
const ENOUGH_REFUSALS = 10;
/** After so long it need not be refused any more: it never will be. */
const PATIENCE_MS = 4_000;

export type CutOff = {
  /** Whether there was no worker when the secret ended. */
  readonly isWorkerGone: boolean;
  /** How long after the end the last try was begun that was admitted; 0 when none was. */
  readonly lateMs: number;
  /** Tries that were refused before the end. */
  readonly early: number;
  /** Statuses of tries after the end that are neither an admission nor a refusal; `null`: the connection broke. */
  readonly odd: readonly (number | null)[];
  /** Whether it was refused for good. */
  readonly isRefused: boolean;
};

export class CutOffProbe {
  #lateMs = 0;
  #early = 0;
  readonly #odd: (number | null)[] = [];
  /** In a row. */
  #refusals = 0;

  /** @param endsAt milliseconds since the epoch */
  constructor(
    private readonly instance: GatewayProcess,
    private readonly secret: string,
    private readonly endsAt: number,
    private readonly agent: Agent,
  ) {}

  /** Resolves when the secret is refused for good, or nobody can hope for it any more. */
  async run(): Promise<Omit<CutOff, 'isWorkerGone'>> {
    await sleep(Math.max(0, this.endsAt - LEAD_MS - Date.now()));
    const giveUpAt = this.endsAt + PATIENCE_MS;
    while (this.#refusals < ENOUGH_REFUSALS && Date.now() < giveUpAt) {
      const startedAt = Date.now();
      const status = await this.#try();
      this.#note(status, startedAt);
      await sleep(EVERY_MS);
    }
    const isRefused = this.#refusals >= ENOUGH_REFUSALS;
    return { lateMs: this.#lateMs, early: this.#early, odd: this.#odd, isRefused };
  }

  async #try(): Promise<number | null> {
    try {
      return (await askSandbox(this.instance, this.secret, this.agent)).status;
    } catch {
      // An instance that is gone shows in the tries.
      return null;
    }
  }

  #note(status: number | null, startedAt: number): void {
    if (status === 401 && Date.now() < this.endsAt) this.#early++;
    if (status !== 200 && status !== 401) this.#odd.push(status);
    this.#refusals = status === 401 ? this.#refusals + 1 : 0;
    if (status === 200) this.#lateMs = Math.max(this.#lateMs, startedAt - this.endsAt);
  }
}
