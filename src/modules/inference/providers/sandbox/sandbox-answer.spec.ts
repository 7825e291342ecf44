import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import { answerSandbox, type SandboxAnswer, type SandboxCall } from './sandbox-answer.js';
import { type SandboxControls } from './sandbox-request.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

function answer(body: SandboxCall['body'], controls: SandboxControls = {}): SandboxAnswer {
  const call: SandboxCall = {
    surface: 'chat.completions',
    model: 'sandbox/echo',
    body,
    includeUsage: true,
    controls,
    id: 'chatcmpl-1',
    createdSeconds: 1,
  };
  return answerSandbox(call, tokenizer);
}

const messages = [{ role: 'user', content: 'one two three' }];

describe('answerSandbox', () => {
  it('gives the same answer to the same call', () => {
    expect(answer({ messages })).toEqual(answer({ messages }));
  });

  it.each([
    [400, 'invalid_request_error', 'invalid_request'],
    [401, 'authentication_error', 'invalid_api_key'],
    [402, 'payment_required', 'insufficient_credits'],
    [418, 'invalid_request_error', 'invalid_request'],
    [429, 'rate_limit_error', 'rate_limit_exceeded'],
    [500, 'server_error', 'internal_server_error'],
    [503, 'server_error', 'service_unavailable'],
    [599, 'server_error', 'internal_server_error'],
  ])('fails with %i as %s when told to, whatever the request is', (failStatus, type, code) => {
    for (const body of [{}, { messages, stream: true }]) {
      const failure = answer(body, { failStatus });
      if (failure.kind !== 'json') throw new Error('A stream came.');
      expect(failure.status).toBe(failStatus);
      const { error } = JSON.parse(failure.body) as { error: OpenAI.ErrorObject };
      expect(error).toEqual({
        message: expect.stringContaining(`${failStatus}`) as string,
        type,
        code,
        param: null,
      });
    }
  });

  it('breaks a stream off after the chunks it was told', () => {
    const whole = answer({ messages, stream: true });
    if (whole.kind !== 'stream') throw new Error('No stream came.');
    expect(whole.breaksOff).toBe(false);
    const { length } = whole.chunks;
    for (const failAfterChunks of [0, 2, length - 1]) {
      expect(answer({ messages, stream: true }, { failAfterChunks })).toEqual({
        kind: 'stream',
        chunks: whole.chunks.slice(0, failAfterChunks),
        breaksOff: true,
      });
    }
    expect(answer({ messages, stream: true }, { failAfterChunks: length })).toEqual(whole);
    expect(answer({ messages }, { failAfterChunks: 0 }).kind).toBe('json');
  });
});
