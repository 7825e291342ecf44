/** So many calls a second, whatever becomes of those before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

import type { GatewayProcess } from '../support/gateway-process.js';

const TURN_MS = 10;
const CONNECTIONS = 100;

const QUESTION = JSON.stringify({
  model: 'sandbox/echo',
  messages: [{ role: 'user', content: 'Hello!' }],
});

type SandboxAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

/** Asks the sandbox, which is there in every installation. */
export async function askSandbox(
  { origin }: GatewayProcess,
  key: string,
  dispatcher: Agent,
): Promise<SandboxAnswer> {
  const { statusCode, headers, body } = await request(`${origin}/v1/chat/completions`, {
    method: 'POST',
    dispatcher,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: QUESTION,
  });
  return { status: statusCode, headers, text: await body.text() };
}

/** Makes calls on time from {@link start} to {@link stop}; what it is late with is made up for at once. */
export class SteadyLoad {
  begun = 0;
  /** What calls were rejected with. */
  readonly failures: unknown[] = [];
  readonly #agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
  readonly #running = new Set<Promise<void>>();
  #turns: Promise<void> | null = null;
  #isStopped = false;
  #end: Promise<void> | null = null;

  /** @param call is given the call's number, from 0 on */
  constructor(
    private readonly perSecond: number,
    private readonly call: (number: number, agent: Agent) => Promise<void>,
  ) {}

  start(): void {
    this.#turns ??= this.#run();
  }

  /** Resolves when every call has its answer. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return (this.#end ??= this.#finish());
  }

  async #finish(): Promise<void> {
    await this.#turns;
    await Promise.all(this.#running);
    await this.#agent.close();
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    while (!this.#isStopped) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * this.perSecond);
      while (this.begun < due) this.#begin(this.begun++);
      await sleep(TURN_MS);
    }
  }

  #begin(number: number): void {
    const call = this.call(number, this.#agent).catch((error: unknown) => {
      this.failures.push(error);
    });
    this.#running.add(call);
    void call.then(() => this.#running.delete(call));
  }
}
