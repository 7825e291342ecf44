import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { answerJson, completion } from '../../support/fake-upstream.js';
import {
  exchangeRaw,
  MESSAGES,
  MODEL,
  parseRaw,
  refusal,
  type Stage,
  startStage,
  UPSTREAM_MODEL,
} from './inference.harness.js';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

const INPUT = {
  'chat/completions': { messages: MESSAGES },
  completions: { prompt: 'Hello!' },
  embeddings: { input: 'Hello!' },
} as const;
const SURFACES = Object.keys(INPUT) as (keyof typeof INPUT)[];

describe.each(['/v1', '/openai/v1', '/openai'])('%s', (prefix) => {
  it.each(SURFACES)('200: POST /%s goes to the provider’s own path', async (surface) => {
    stage.upstream.behave(answerJson(200, completion()));
    const body = { model: MODEL, ...INPUT[surface] };
    const answer = await stage.app.call('POST', `${prefix}/${surface}`, { key: stage.key, body });
    expect([answer.status, answer.body]).toEqual([200, completion()]);
    const { path, body: forwarded } = stage.upstream.received.at(-1)!;
    expect(path).toBe(`/v1/${surface}`);
    expect(JSON.parse(forwarded)).toEqual({ ...body, model: UPSTREAM_MODEL });
  });

  it.each(SURFACES)('401: POST /%s without a key', async (surface) => {
    const body = { model: MODEL, ...INPUT[surface] };
    const answer = await stage.app.call('POST', `${prefix}/${surface}`, { key: null, body });
    refusal(answer, 401, 'missing_api_key');
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '404: %s /chat/completions, with a key and without',
    async (method) => {
      for (const key of [stage.key, null]) {
        const answer = await stage.app.call(method, `${prefix}/chat/completions`, { key });
        refusal(answer, 404, 'not_found');
      }
    },
  );

  it('404: HEAD, without a body', async () => {
    const { status, headers, body } = await stage.app.call('HEAD', `${prefix}/chat/completions`);
    expect([status, body]).toEqual([404, '']);
    expect(headers.get('x-request-id')).toMatch(/^req_/);
  });
});

describe('odd spellings of the path need the same authority or lead nowhere', () => {
  const CALL = '/v1/chat/completions';
  const body = JSON.stringify({ model: MODEL, messages: MESSAGES });

  async function request(target: string, key: string | null, method = 'POST') {
    const text = [
      `${method} ${target} HTTP/1.1`,
      'host: gateway',
      ...(key === null ? [] : [`authorization: Bearer ${key}`]),
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      '',
      body,
    ].join('\r\n');
    return parseRaw((await exchangeRaw(stage.app, [text])).text);
  }

  it.each([
    ['/v1/%63hat/completions', 200],
    ['/%76%31/chat/completions', 200],
    [`${CALL}?x=1`, 200],
    [`${CALL}?`, 200],
    [`${CALL}?a=/v1/models`, 200],
    [`http://gateway${CALL}`, 200],
    [`https://elsewhere.example:99${CALL}`, 200],
    [`http://gateway/v1/%63hat/completions?x`, 200],
    ['//v1/chat/completions', 404],
    ['/v1//chat/completions', 404],
    [`${CALL}/`, 404],
    [`${CALL}//`, 404],
    [CALL.toUpperCase(), 404],
    ['/V1/chat/completions', 404],
    ['/v1/./chat/completions', 404],
    ['/v1/models/../chat/completions', 404],
    ['/v1/chat%2fcompletions', 404],
    ['/v1/chat%252fcompletions', 404],
    ['/v1\\chat\\completions', 404],
    [`${CALL};x=1`, 404],
    [`${CALL}%00`, 404],
    [`${CALL}%20`, 404],
    [`${CALL}.json`, 404],
    [`/openai/openai${CALL}`, 404],
    ['*', 404],
    ['/v1/%zzhat/completions', 400],
    ['/v1/%c0%afchat/completions', 400],
  ])('%s', async (target, withKey) => {
    stage.upstream.behave(answerJson(200, completion()));
    const before = stage.upstream.received.length;
    const stranger = await request(target, null);
    expect(stranger.status).toBe(withKey === 200 ? 401 : withKey);
    refusal(stranger, stranger.status, codeOf(stranger.status));
    expect(stage.upstream.received.length).toBe(before);
    const known = await request(target, stage.key);
    if (withKey === 200) expect(known.body).toEqual(completion());
    else refusal(known, withKey, codeOf(withKey));
    const readOnly = await stage.app.keyWith({ access_level: 'read_only' });
    expect((await request(target, readOnly)).status).toBe(withKey === 200 ? 403 : withKey);
  });

  it.each([`${CALL}#x`, `${CALL} x`, `ftp://gateway${CALL}`])(
    'never 200 without a key: %s',
    async (target) => {
      const { status } = await request(target, null);
      expect([400, 401, 404]).toContain(status);
    },
  );

  it.each(['POST', 'post', 'Post', 'FOO'])('the method %s', async (method) => {
    const answer = await request(CALL, null, method);
    refusal(
      answer,
      method === 'POST' ? 401 : 400,
      method === 'POST' ? 'missing_api_key' : 'invalid_request',
    );
  });

  it('a method that a header or a query names is not believed', async () => {
    const headers = { 'x-http-method-override': 'POST' };
    const answer = await stage.app.call('GET', `${CALL}?_method=POST`, { key: stage.key, headers });
    refusal(answer, 404, 'not_found');
  });
});

function codeOf(status: number): string {
  return { 400: 'invalid_request', 401: 'missing_api_key', 404: 'not_found' }[status] ?? '';
}
