import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the provider got it. */
export type Received = {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
};

export type Behaviour = (
  response: ServerResponse,
  received: Received,
  request: IncomingMessage,
) => void;

export type FakeUpstream = {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly received: Received[];
  /** Calls whose client went away before the answer was whole. */
  readonly aborted: Received[];
  /** What it does from now on. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
};

export const USAGE = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 4 },
};

export function completion(content = 'Hello from upstream'): Record<string, unknown> {
  return {
    id: 'chatcmpl-upstream',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'upstream-model',
    choices: [
      { index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' },
    ],
    usage: USAGE,
  };
}

export function chunk(delta: Record<string, unknown>, finishReason: string | null = null): string {
  return event({
    id: 'chatcmpl-upstream',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'upstream-model',
    choices: [{ index: 0, delta, finish_reason: finishReason }],
    usage: null,
  });
}

export const USAGE_CHUNK = event({
  id: 'chatcmpl-upstream',
  object: 'chat.completion.chunk',
  created: 1_700_000_000,
  model: 'upstream-model',
  choices: [],
  usage: USAGE,
});

export const DONE = 'data: [DONE]\n\n';

export function event(payload: unknown): string {
  return `data: ${JSON.stringify(payload)}\n\n`;
}

export function answerJson(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Behaviour {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Sends each piece by itself, then ends; `cut` resets the connection instead. */
export function answerStream(pieces: readonly (string | Buffer)[], cut = false): Behaviour {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let next = 0;
    const step = (): void => {
      const piece = pieces[next++];
      if (piece !== undefined) response.write(piece, () => setTimeout(step, 2));
      else if (cut) response.destroy();
      else response.end();
    };
    step();
  };
}

/** A provider on a free loopback port that does what a test tells it. */
export async function startFakeUpstream(): Promise<FakeUpstream> {
  const received: Received[] = [];
  const aborted: Received[] = [];
  let behaviour: Behaviour = answerJson(200, completion());
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (data: Buffer) => chunks.push(data));
    request.on('end', () => {
      const call = {
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      received.push(call);
      response.on('close', () => {
        if (!response.writableFinished) aborted.push(call);
      });
      behaviour(response, call, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    received,
    aborted,
    behave: (next) => {
      behaviour = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
