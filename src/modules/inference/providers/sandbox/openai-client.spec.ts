import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import { answerSandbox } from './sandbox-answer.js';
import { type SandboxControls, type SandboxSurface } from './sandbox-request.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

/** OpenAI's own client, whose requests the sandbox answers within the process. */
function clientOf(controls: SandboxControls = {}): OpenAI {
  return new OpenAI({
    apiKey: 'unused',
    baseURL: 'http://sandbox.invalid/v1',
    maxRetries: 0,
    fetch: (url, init) => {
      const surface = (url as string)
        .slice('http://sandbox.invalid/v1/'.length)
        .replace('/', '.') as SandboxSurface;
      const body = JSON.parse(init?.body as string) as Record<string, unknown>;
      const answer = answerSandbox(
        {
          surface,
          model: body.model as string,
          body,
          includeUsage: true,
          controls,
          id: 'id-1',
          createdSeconds: 1,
        },
        tokenizer,
      );
      const response =
        answer.kind === 'json'
          ? new Response(answer.body, {
              status: answer.status,
              headers: { 'content-type': 'application/json' },
            })
          : new Response(answer.chunks.join(''), {
              headers: { 'content-type': 'text/event-stream' },
            });
      return Promise.resolve(response);
    },
  });
}

const messages = [{ role: 'user' as const, content: 'Grüße 🦩 all' }];
const ping = {
  type: 'function' as const,
  function: { name: 'ping', parameters: { type: 'object' } },
};

describe('the OpenAI client', () => {
  it('puts a streamed answer together', async () => {
    const stream = clientOf().chat.completions.stream({ model: 'sandbox/echo', messages, n: 2 });
    const completion = await stream.finalChatCompletion();
    expect(completion.choices.map((choice) => choice.message.content)).toEqual([
      messages[0]?.content,
      messages[0]?.content,
    ]);
    expect(completion.usage?.completion_tokens).toBe(
      2 * tokenizer.count(messages[0]?.content ?? ''),
    );
  });

  it('puts a streamed tool call together', async () => {
    const stream = clientOf().chat.completions.stream({
      model: 'sandbox/echo',
      messages,
      tools: [ping],
      tool_choice: 'required',
    });
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ type: 'function', function: { name: 'ping', arguments: '{}' } }] },
    });
  });

  it('reads a legacy completion and its stream', async () => {
    const params = { model: 'sandbox/echo', prompt: 'hello world' };
    expect((await clientOf().completions.create(params)).choices[0]?.text).toBe('hello world');
    let text = '';
    for await (const chunk of await clientOf().completions.create({ ...params, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
    }
    expect(text).toBe('hello world');
  });

  it('unpacks the base64 that it asks for by itself', async () => {
    const { data } = await clientOf().embeddings.create({ model: 'any', input: 'hello' });
    expect(data[0]?.embedding).toHaveLength(256);
    expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 6);
  });

  it('raises the failure that was asked for', async () => {
    const call = clientOf({ failStatus: 429 }).chat.completions.create({ model: 'any', messages });
    await expect(call).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await expect(call).rejects.toMatchObject({ code: 'rate_limit_exceeded', param: null });
  });
});
