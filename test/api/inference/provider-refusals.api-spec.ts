import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Answer } from '../../support/app.js';
import { answerJson, type Behaviour } from '../../support/fake-upstream.js';
import { CREDENTIAL, refusal, type Stage, startStage, usageEvents } from './inference.harness.js';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

function openAiError(fields: Record<string, unknown>): unknown {
  return {
    error: { message: 'no', type: 'invalid_request_error', param: null, code: null, ...fields },
  };
}

async function refused(
  behaviour: Behaviour,
  fields: Record<string, unknown> = {},
): Promise<Answer> {
  stage.upstream.behave(behaviour);
  return stage.chat(fields);
}

describe('what the client can act on is handed on', () => {
  it.each([400, 422])('%d: the message and the field', async (status) => {
    const body = openAiError({ message: 'temperature must be <= 2', param: 'temperature' });
    const error = refusal(await refused(answerJson(status, body)), 400, 'invalid_request');
    expect(error).toMatchObject({
      message: 'temperature must be <= 2',
      param: 'temperature',
      type: 'invalid_request_error',
      details: { provider: 'provider-1', upstream_status: status },
    });
  });

  it('400 context_length_exceeded', async () => {
    const body = openAiError({
      message: 'too long',
      code: 'context_length_exceeded',
      param: 'messages',
    });
    const error = refusal(await refused(answerJson(400, body)), 400, 'context_length_exceeded');
    expect(error.param).toBe('messages');
  });

  it('404: the provider does not know the model', async () => {
    const body = openAiError({ message: 'no such model', code: 'model_not_found', param: 'model' });
    const error = refusal(await refused(answerJson(404, body)), 404, 'model_not_found');
    expect(error.message).toBe('no such model');
  });

  it('413', async () => {
    const body = openAiError({ message: 'the image is too large' });
    const error = refusal(await refused(answerJson(413, body)), 413, 'request_too_large');
    expect(error.message).toBe('the image is too large');
  });

  it.each([
    ['HTML', '<html>nginx</html>', 'text/html'],
    ['nothing', '', 'application/json'],
    ['an array', '[]', 'application/json'],
    ['a text as the error', '{"error":"bad"}', 'application/json'],
    ['numbers', '{"error":{"message":5,"param":{},"code":[]}}', 'application/json'],
    ['null', 'null', 'application/json'],
    ['half of it', '{"error":{"message":"ba', 'application/json'],
  ])('400 with %s still is a 400 of ours', async (_, body, type) => {
    const answer = await refused(answerJson(400, body, { 'content-type': type }));
    const error = refusal(answer, 400, 'invalid_request');
    expect(error).toMatchObject({ param: null });
    expect(error.message).not.toContain('nginx');
  });

  it('a message of a megabyte is cut, and the rest of the body not kept', async () => {
    const cut = refusal(
      await refused(answerJson(400, openAiError({ message: 'x'.repeat(50_000) }))),
      400,
      'invalid_request',
    );
    expect(cut.message.length).toBeLessThanOrEqual(1_000);
    const body = openAiError({ message: 'x'.repeat(5_000_000) });
    const error = refusal(await refused(answerJson(400, body)), 400, 'invalid_request');
    expect(error.message.length).toBeLessThanOrEqual(1_000);
  });

  it('a refusal that never ends is ended', async () => {
    const model = await stage.route({ idle_ms: 200 });
    stage.upstream.behave((response) => {
      response.writeHead(400, { 'content-type': 'application/json' }).write('{"error":');
    });
    refusal(await stage.chat({ model }), 504, 'upstream_timeout');
  });

  it('the credential is not repeated, whatever its shape and wherever the provider puts it', async () => {
    const told = `${CREDENTIAL} is not right, nor is sk-abcdefghijklmnop1234`;
    for (const status of [400, 404, 413, 422]) {
      const body = openAiError({ message: told, param: CREDENTIAL, code: CREDENTIAL });
      const answer = await refused(answerJson(status, body, { 'retry-after': CREDENTIAL }));
      expect([400, 404, 413]).toContain(answer.status);
      const text = JSON.stringify([answer.body, [...answer.headers]]);
      expect(text).not.toContain(CREDENTIAL);
      expect(text).not.toContain('sk-abcdefghijklmnop1234');
    }
    expect(stage.logs.filter((line) => line.includes(CREDENTIAL))).toEqual([]);
  });
});

describe('what is the operator’s business stays here', () => {
  it.each([401, 403])('502: %d, without a word of the provider’s', async (status) => {
    const message = `Incorrect API key provided: ${CREDENTIAL}. Find yours at platform.example.`;
    const body = openAiError({ message, param: 'secret-param', code: 'secret-code' });
    const headers = { 'www-authenticate': 'Bearer realm="upstream"' };
    const answer = await refused(answerJson(status, body, headers));
    const error = refusal(answer, 502, 'upstream_error');
    expect(error.message).toContain('refused the gateway’s credential');
    expect(error.param).toBeNull();
    const text = JSON.stringify([answer.body, [...answer.headers]]);
    for (const word of [CREDENTIAL, 'Incorrect', 'platform.example', 'secret-', 'realm']) {
      expect(text).not.toContain(word);
    }
    expect(stage.logs.filter((line) => line.includes(CREDENTIAL))).toEqual([]);
  });

  it.each([
    [402, 502, 'upstream_error'],
    [405, 502, 'upstream_error'],
    [408, 504, 'upstream_timeout'],
    [409, 502, 'upstream_error'],
    [418, 502, 'upstream_error'],
    [500, 502, 'upstream_error'],
    [502, 502, 'upstream_error'],
    [503, 503, 'model_overloaded'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'model_overloaded'],
    [599, 502, 'upstream_error'],
  ])('%d becomes %d %s', async (status, expected, code) => {
    const body = openAiError({ message: 'stack trace at db-7.internal', param: 'internal-param' });
    const answer = await refused(answerJson(status, body));
    const error = refusal(answer, expected, code);
    expect(error.details).toEqual({ provider: 'provider-1', upstream_status: status });
    expect(JSON.stringify(answer.body)).not.toContain('internal-');
    expect(JSON.stringify(answer.body)).not.toContain('db-7');
  });

  it('the same when a stream was asked for', async () => {
    const key = await stage.app.keyWith();
    stage.upstream.behave(answerJson(500, openAiError({})));
    const error = refusal(await stage.chat({ stream: true }, { key }), 502, 'upstream_error');
    expect(await usageEvents(stage.app, key)).toMatchObject([
      {
        id: error.request_id,
        status: 502,
        outcome: 'failed',
        stream: true,
        usage_source: 'none',
        input_tokens: 0,
        output_tokens: 0,
        cost_nanos: '0',
      },
    ]);
  });
});

describe('429', () => {
  it.each([
    ['7', '7'],
    ['0', '0'],
    ['1.2', '2'],
    ['3600', '3600'],
    ['86400', '3600'],
    ['1e99', '3600'],
    ['99999999999999999999', '3600'],
    ['-5', null],
    ['Infinity', null],
    ['NaN', null],
    ['soon', null],
    ['7\t', '7'],
    ['Thu, 01 Jan 1970 00:00:00 GMT', '0'],
    ['Fri, 31 Dec 9999 23:59:59 GMT', '3600'],
  ])('Retry-After: %s is handed on as %s', async (given, expected) => {
    const body = openAiError({ message: 'rate limit of org-secret', code: 'rate_limit_exceeded' });
    const answer = await refused(answerJson(429, body, { 'retry-after': given }));
    const error = refusal(answer, 429, 'rate_limit_exceeded');
    expect(answer.headers.get('retry-after')).toBe(expected);
    expect(error.message).not.toContain('org-secret');
    expect(error.type).toBe('rate_limit_error');
  });

  it.each([
    [429, 429],
    [503, 503],
    [529, 503],
  ])('%d without Retry-After', async (status, expected) => {
    const answer = await refused(answerJson(status, openAiError({})));
    expect(answer.status).toBe(expected);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  it('the provider’s own rate-limit headers stay here: they are about the gateway’s account', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '1', 'x-ratelimit-limit-tokens': '5' };
    const answer = await refused(answerJson(429, openAiError({}), headers));
    expect(answer.status).toBe(429);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });
});
