/** A provider that keeps a ledger of its own, and what it charges: the number of a call decides what it used. */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { GatewayProcess } from '../support/gateway-process.js';
import {
  chunk,
  completion,
  DONE,
  event,
  type FakeUpstream,
  startFakeUpstream,
} from '../support/fake-upstream.js';

export const MODEL = 'ledger-1';

/** More places than a nano-dollar per token has, so that each cost has to be rounded. */
const USD_PER_MILLION = { input: '0.150000001', cached: '0.075000003', output: '0.600000007' };
const NANOS_PER_MILLION = { input: 150_000_001n, cached: 75_000_003n, output: 600_000_007n };

export type Usage = { readonly input: number; readonly cached: number; readonly output: number };

export function usageOf(call: number): Usage {
  return { input: 5 + (call % 97), cached: call % 5, output: 1 + (call % 53) };
}

/** Nano-dollars, rounded up once. */
export function costOf({ input, cached, output }: Usage): bigint {
  const exact =
    BigInt(input - cached) * NANOS_PER_MILLION.input +
    BigInt(cached) * NANOS_PER_MILLION.cached +
    BigInt(output) * NANOS_PER_MILLION.output;
  return exact / 1_000_000n + (exact % 1_000_000n === 0n ? 0n : 1n);
}

/** The question that carries a call's number through the gateway, and the answer that carries it back. */
export const questionOf = (call: number): string => `question ${call}.`;
export const answerOf = (call: number): string => `answer ${call}.`;

/** How long an answer takes; each is asked once per call. */
export type Pace = {
  readonly beforeMs: () => number;
  readonly chunks: () => number;
  readonly betweenMs: () => number;
};

export class LedgerProvider {
  /** Calls that it has been asked, and those of them that it has answered whole. */
  readonly asked = new Set<number>();
  readonly answered = new Set<number>();

  private constructor(private readonly upstream: FakeUpstream) {}

  static async start(pace: Pace): Promise<LedgerProvider> {
    const upstream = await startFakeUpstream();
    const provider = new LedgerProvider(upstream);
    upstream.behave((response, { body }) => {
      void provider.#answer(response, body, pace);
    });
    return provider;
  }

  /** Makes it this installation's provider of {@link MODEL}, and answers a key to call it with. */
  async openOn(gateway: GatewayProcess): Promise<string> {
    const create = async (path: string, body: object): Promise<Record<string, string>> => {
      const made = await gateway.call('POST', path, body);
      if (made.status !== 201) throw new Error(`${path}: ${JSON.stringify(made)}`);
      return made.body as Record<string, string>;
    };
    const { id } = await create('/v1/providers', {
      name: 'ledger',
      kind: 'openai-compatible',
      base_url: this.upstream.baseUrl,
    });
    await create('/v1/routes', {
      model: MODEL,
      provider_id: id,
      price: {
        input_per_million: USD_PER_MILLION.input,
        cached_input_per_million: USD_PER_MILLION.cached,
        output_per_million: USD_PER_MILLION.output,
      },
    });
    const { key } = await create('/v1/keys', { name: 'load' });
    if (key === undefined) throw new Error('A key without its secret.');
    return key;
  }

  async stop(): Promise<void> {
    await this.upstream.close();
  }

  async #answer(response: ServerResponse, body: string, pace: Pace): Promise<void> {
    const call = Number(/question (\d+)\./.exec(body)?.[1]);
    this.asked.add(call);
    await sleep(pace.beforeMs());
    const { input, cached, output } = usageOf(call);
    const usage = {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: cached },
    };
    if ((JSON.parse(body) as { stream?: boolean }).stream === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let left = pace.chunks(); left > 0; left--) {
        response.write(chunk({ content: `${answerOf(call)} ` }));
        await sleep(pace.betweenMs());
      }
      response.write(event({ object: 'chat.completion.chunk', choices: [], usage }));
      response.end(DONE);
    } else {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...completion(answerOf(call)), usage }));
    }
    if (!response.destroyed) this.answered.add(call);
  }
}
