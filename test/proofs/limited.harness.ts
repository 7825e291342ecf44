/** Gateways that share limits, a provider that counts what it serves, and clients that call at once. */
import { expect } from 'vitest';
import { Agent, request } from 'undici';

import { completion, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.js';
import { GatewayProcess, type Installation, newInstallation } from '../support/gateway-process.js';

const MODEL = 'priced-1';
/** Of each call. Only output costs. */
const TOKENS = 50;

/** Answers after a while, and counts. */
export class CountingUpstream {
  served = 0;
  running = 0;
  most = 0;

  private constructor(
    private readonly upstream: FakeUpstream,
    public delayMs: number,
  ) {}

  static async start(delayMs: number): Promise<CountingUpstream> {
    const upstream = await startFakeUpstream();
    const counting = new CountingUpstream(upstream, delayMs);
    upstream.behave((response) => {
      counting.served++;
      counting.most = Math.max(counting.most, ++counting.running);
      response.once('close', () => counting.running--);
      setTimeout(() => {
        const usage = { prompt_tokens: 9, completion_tokens: TOKENS, total_tokens: TOKENS + 9 };
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ ...completion('Yes'), usage }));
      }, counting.delayMs);
    });
    return counting;
  }

  /** Makes it this installation's provider. @param usdPerMillion output tokens */
  async openOn(gateway: GatewayProcess, usdPerMillion: string): Promise<void> {
    const provider = await gateway.call('POST', '/v1/providers', {
      name: 'counting',
      kind: 'openai-compatible',
      base_url: this.upstream.baseUrl,
    });
    expect(provider.status).toBe(201);
    const route = await gateway.call('POST', '/v1/routes', {
      model: MODEL,
      provider_id: (provider.body as { id: string }).id,
      price: { input_per_million: '0', output_per_million: usdPerMillion },
    });
    expect(route.status).toBe(201);
  }

  async stop(): Promise<void> {
    await this.upstream.close();
  }
}

export type Servers = {
  readonly databaseUrl: string;
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** Instances of one installation. */
export async function startGateways(
  count: number,
  { databaseUrl, redisUrl, env = {} }: Servers,
  build?: string,
): Promise<[GatewayProcess, ...GatewayProcess[]]> {
  const installation: Installation = newInstallation(databaseUrl, redisUrl);
  const options = { env, ...(build !== undefined && { build }) };
  const gateways: [GatewayProcess, ...GatewayProcess[]] = [
    await GatewayProcess.start(installation, options),
  ];
  while (gateways.length < count) gateways.push(await GatewayProcess.start(installation, options));
  return gateways;
}

export async function keyWith(gateway: GatewayProcess, policy: object): Promise<string> {
  const made = await gateway.call('POST', '/v1/keys', { name: 'limited', ...policy });
  expect(made.status).toBe(201);
  return (made.body as { key: string }).key;
}

const agent = new Agent({ connections: 350 });

/** The status, or 0 where the gateway went away. */
export async function callOnce(gateway: GatewayProcess, key: string): Promise<number> {
  try {
    const { statusCode, body } = await request(`${gateway.origin}/v1/chat/completions`, {
      method: 'POST',
      dispatcher: agent,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: MODEL,
        max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'Well?' }],
      }),
    });
    await body.dump();
    return statusCode;
  } catch {
    return 0;
  }
}

/** So many calls at once, in turn over all gateways. Answers how many were served; all others must be refused like this. */
export async function race(
  gateways: readonly GatewayProcess[],
  key: string,
  calls: number,
  refusal = 429,
): Promise<number> {
  const statuses = await Promise.all(
    Array.from({ length: calls }, (_, at) => callOnce(gateways[at % gateways.length]!, key)),
  );
  expect(statuses.filter((status) => status !== 200 && status !== refusal)).toEqual([]);
  return statuses.filter((status) => status === 200).length;
}
