import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  answerJson,
  answerStream,
  type Behaviour,
  chunk,
  completion,
  DONE,
  event,
} from '../../support/fake-upstream.js';
import {
  MESSAGES,
  MODEL,
  PRICE,
  type Stage,
  startStage,
  type UsageEvent,
  usageEvents,
  usageOf,
} from './inference.harness.js';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

type Counts = { input?: number; cached?: number; output?: number; reasoning?: number };

function usage({ input = 0, cached, output, reasoning }: Counts): Record<string, unknown> {
  return {
    prompt_tokens: input,
    ...(output !== undefined && { completion_tokens: output }),
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}

/** The answer with this usage, as JSON or as a stream. */
function answering(reported: unknown, stream: boolean): Behaviour {
  if (!stream) return answerJson(200, { ...completion('Hello'), usage: reported });
  const last = event({ choices: [], usage: reported });
  return answerStream([chunk({ content: 'Hello' }), chunk({}, 'stop'), last, DONE]);
}

async function recordOf(behaviour: Behaviour, fields: Record<string, unknown> = {}) {
  stage.upstream.behave(behaviour);
  const key = await stage.app.keyWith();
  const answer = await stage.chat(fields, { key });
  const [record] = await usageEvents(stage.app, key);
  return { answer, record: record!, key };
}

describe.each([
  ['JSON', false],
  ['a stream', true],
])('the provider’s figures of %s', (_, stream) => {
  it.each([
    // 7 × 0.15 + 4 × 0.075 + 7 × 0.6 USD per million
    [{ input: 11, cached: 4, output: 7 }, 5_550n],
    [{ input: 11, output: 7 }, 5_850n],
    [{ input: 1, output: 0 }, 150n],
    [{ input: 0, output: 0 }, 0n],
    [{ input: 1_000_000, cached: 1_000_000, output: 0 }, 75_000_000n],
    [{ input: 100_000_000, output: 100_000_000 }, 75_000_000_000n],
    [{ input: 10, output: 100, reasoning: 90 }, 61_500n],
    // Details are parts: more than the whole is the whole.
    [{ input: 3, cached: 9, output: 2, reasoning: 8 }, 1_425n],
  ])('%j cost %s nano-dollars', async (counts: Counts, nanos) => {
    const { record, key } = await recordOf(answering(usage(counts), stream), { stream });
    expect(record).toMatchObject({
      status: 200,
      outcome: 'completed',
      stream,
      model: MODEL,
      provider: 'provider-1',
      upstream_model: 'upstream-model',
      surface: 'chat.completions',
      usage_source: 'upstream',
      input_tokens: counts.input,
      cached_input_tokens: Math.min(counts.cached ?? 0, counts.input ?? 0),
      output_tokens: counts.output,
      reasoning_tokens: Math.min(counts.reasoning ?? 0, counts.output ?? 0),
      cost_nanos: String(nanos),
      price_version: expect.stringMatching(/^rte_[0-9A-Za-z]{22}@1$/) as string,
    });
    expect(await usageOf(stage.app, key)).toEqual({
      requests: 1,
      input_tokens: counts.input,
      output_tokens: counts.output,
      cost: Number(nanos) / 1e9,
    });
  });

  it.each([
    ['none', undefined],
    ['null', null],
    ['a text', 'lots'],
    ['a list', [11, 7]],
    ['nothing in it', {}],
    ['negative input', { prompt_tokens: -11, completion_tokens: 7 }],
    ['negative output', { prompt_tokens: 11, completion_tokens: -7 }],
    ['texts', { prompt_tokens: '11', completion_tokens: '7' }],
    ['fractions', { prompt_tokens: 1.5, completion_tokens: 2 }],
    ['huge', { prompt_tokens: 1e15, completion_tokens: 1 }],
    ['above the bound', { prompt_tokens: 1, completion_tokens: 100_000_001 }],
    ['booleans', { prompt_tokens: true, completion_tokens: false }],
    ['objects', { prompt_tokens: {}, completion_tokens: [] }],
  ])('that can’t be used (%s) are not believed: the gateway counts', async (_name, reported) => {
    const { answer, record } = await recordOf(answering(reported, stream), { stream });
    expect(answer.status).toBe(200);
    const isHidden = stream && reported instanceof Object && !Array.isArray(reported);
    if (isHidden) expect(answer.body).toBe(chunk({ content: 'Hello' }) + chunk({}, 'stop') + DONE);
    expectCounted(record);
  });

  it.each([
    [
      'negative details',
      { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: { cached_tokens: -4 } },
    ],
    ['textual details', { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: 'x' }],
    ['null details', { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: null }],
  ])('with %s keep their totals', async (_name, reported) => {
    const { record } = await recordOf(answering(reported, stream), { stream });
    expect(record).toMatchObject({ input_tokens: 9, output_tokens: 5, cached_input_tokens: 0 });
  });
});

/** “Hello” is one token; “user” and “Hello!” are what was asked. */
function expectCounted(record: UsageEvent, outputTokens = 1): void {
  expect(record).toMatchObject({
    outcome: 'completed',
    usage_source: 'counted',
    cached_input_tokens: 0,
    output_tokens: outputTokens,
  });
  expect(record.input_tokens).toBeGreaterThanOrEqual(2);
  expect(record.input_tokens).toBeLessThan(10);
  const { input_tokens: input, output_tokens: output } = record;
  expect(record.cost_nanos).toBe(String(input * 150 + output * 600));
}

describe('what the gateway counts itself', () => {
  it.each([
    ['null figures that JSON can’t hold', 'data: {"choices":[],"usage":{"prompt_tokens":NaN}}\n\n'],
    ['cut figures', 'data: {"choices":[],"usage":{"prompt_tok\n\n'],
  ])('%s in a stream', async (_name, last) => {
    const pieces = [chunk({ content: 'Hello' }), chunk({}, 'stop'), last, DONE];
    const { record } = await recordOf(answerStream(pieces), { stream: true });
    expectCounted(record);
  });

  it.each([
    [
      'with spaces, as Python writes it',
      'data: {"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}\n\n',
    ],
    [
      'as thoughts',
      'data: {"choices":[{"delta":{"reasoning_content":"Hello"},"finish_reason":"stop"}]}\n\n',
    ],
    [
      'as other thoughts',
      'data: {"choices":[{"delta":{"reasoning":"Hello","content":null},"finish_reason":"stop"}]}\n\n',
    ],
    [
      'as a tool’s arguments',
      'data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"Hello"}}]},"finish_reason":"stop"}]}\n\n',
    ],
    ['as a completion', 'data: {"choices":[{"text":"Hello","finish_reason":"stop"}]}\n\n'],
  ])('text %s', async (_name, text) => {
    const { record } = await recordOf(answerStream([text, DONE]), { stream: true });
    expectCounted(record);
  });

  it('escapes are one character each, also where an event ends inside a pair', async () => {
    const pieces = [chunk({ content: '\u{1F511}"\\\n' }), chunk({}, 'stop'), DONE];
    const { record } = await recordOf(answerStream(pieces), { stream: true });
    expect(record.output_tokens).toBeGreaterThan(0);
    expect(record.output_tokens).toBeLessThan(10);
  });

  it.each([100_000, 3_000_000])(
    'an answer of %d characters, without holding up others',
    async (length) => {
      const body = { ...completion('word '.repeat(length / 5)), usage: null };
      const { answer, record } = await recordOf(answerJson(200, body));
      expect(answer.body).toEqual(body);
      expect(record.usage_source).toBe('counted');
      expect(record.output_tokens).toBeGreaterThan(20_000);
    },
  );

  it('an answer over a megabyte whose usage is broken is handed on at once, and counted', async () => {
    const filler = '}'.repeat(2_000_000);
    const text = `{"usage":NaN,"x":"${filler}"}`;
    const startedAt = performance.now();
    const { record, answer } = await recordOf(answerJson(200, text));
    expect(answer.status).toBe(200);
    expect(record.usage_source).toBe('counted');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('an answer over a megabyte has its usage read at its end', async () => {
    const reported = usage({ input: 11, cached: 4, output: 7 });
    const body = { ...completion('x'.repeat(1_500_000)), usage: reported, service_tier: 'default' };
    const { record } = await recordOf(answerJson(200, body));
    expect(record).toMatchObject({ usage_source: 'upstream', cost_nanos: '5550' });
  });

  it('what a text says about usage is no usage', async () => {
    const said = '},"usage":{"prompt_tokens":1,"completion_tokens":1}}';
    const { record } = await recordOf(answerJson(200, { ...completion(said), usage: null }));
    expect(record.usage_source).toBe('counted');
    expect(record.output_tokens).toBeGreaterThan(5);
  });
});

describe('every surface', () => {
  it.each([
    ['/v1/completions', 'completions', { prompt: 'Hello!' }],
    ['/v1/embeddings', 'embeddings', { input: ['Hello!', 'you'] }],
    ['/openai/v1/chat/completions', 'chat.completions', { messages: MESSAGES }],
  ])('%s', async (path, surface, input) => {
    const isEmbedding = surface === 'embeddings';
    const reported = isEmbedding
      ? { prompt_tokens: 11, total_tokens: 11 }
      : usage({ input: 11, output: 7 });
    stage.upstream.behave(answerJson(200, { object: 'list', data: [], usage: reported }));
    const key = await stage.app.keyWith();
    const answer = await stage.app.call('POST', path, { key, body: { model: MODEL, ...input } });
    expect(answer.status).toBe(200);
    expect(await usageEvents(stage.app, key)).toMatchObject([
      {
        surface,
        input_tokens: 11,
        output_tokens: isEmbedding ? 0 : 7,
        cost_nanos: isEmbedding ? '1650' : '5850',
      },
    ]);
  });

  it.each([
    ['/v1/completions', { prompt: 'Hello!' }, { choices: [{ text: 'Hello' }] }, 1],
    ['/v1/embeddings', { input: 'Hello!' }, { data: [{ embedding: [0.1] }] }, 0],
  ])('%s without usage', async (path, input, body, outputTokens) => {
    stage.upstream.behave(answerJson(200, body));
    const key = await stage.app.keyWith();
    await stage.app.call('POST', path, { key, body: { model: MODEL, ...input } });
    const [record] = await usageEvents(stage.app, key);
    expectCounted(record!, outputTokens);
  });
});

describe('the price', () => {
  it('of a fraction of a nano-dollar is rounded up, once a call', async () => {
    const providers = await stage.app.call('GET', '/v1/providers');
    const [provider] = (providers.body as { data: { id: string }[] }).data;
    const price = { input_per_million: '0.000000001', output_per_million: '0.000000001' };
    const body = { model: 'cheap', provider_id: provider!.id, price };
    expect((await stage.app.call('POST', '/v1/routes', { body })).status).toBe(201);
    const reported = usage({ input: 1, output: 1 });
    const { record } = await recordOf(answering(reported, false), { model: 'cheap' });
    expect(record.cost_nanos).toBe('1');
  });

  it('that changes holds from the next call on, and names itself', async () => {
    const providers = await stage.app.call('GET', '/v1/providers');
    const [provider] = (providers.body as { data: { id: string }[] }).data;
    const made = await stage.app.call('POST', '/v1/routes', {
      body: { model: 'repriced', provider_id: provider!.id, price: PRICE },
    });
    const { id } = made.body as { id: string };
    const behaviour = answering(usage({ input: 1_000, output: 0 }), false);
    const first = await recordOf(behaviour, { model: 'repriced' });
    const price = { ...PRICE, input_per_million: 3 };
    expect((await stage.app.call('PATCH', `/v1/routes/${id}`, { body: { price } })).status).toBe(
      200,
    );
    const second = await recordOf(behaviour, { model: 'repriced' });
    expect([first.record.cost_nanos, first.record.price_version]).toEqual(['150000', `${id}@1`]);
    expect([second.record.cost_nanos, second.record.price_version]).toEqual(['3000000', `${id}@2`]);
  });

  it('of 100 calls at once adds up to the nano-dollar', async () => {
    stage.upstream.behave(answering(usage({ input: 7, cached: 3, output: 1 }), false));
    const key = await stage.app.keyWith();
    await Promise.all(Array.from({ length: 100 }, () => stage.chat({}, { key })));
    // 4 × 0.15 + 3 × 0.075 + 0.6 = 1.425 USD per million calls
    expect(await usageOf(stage.app, key)).toEqual({
      requests: 100,
      input_tokens: 700,
      output_tokens: 100,
      cost: 0.0001425,
    });
  });
});

it('a call that is refused before it reaches a provider leaves no record', async () => {
  const key = await stage.app.keyWith();
  await stage.chat({ model: 'nowhere' }, { key });
  await stage.chat({ stream: 'yes' }, { key });
  expect(await usageOf(stage.app, key)).toEqual({
    requests: 0,
    input_tokens: 0,
    output_tokens: 0,
    cost: 0,
  });
});

describe.each([
  ['JSON', false],
  ['a stream', true],
])('a completion of %s that came to nothing', (_, stream) => {
  const ending = (text: string, reason: string | null, reported: unknown): Behaviour => {
    if (!stream) {
      const { choices, ...rest } = completion(text);
      const [choice] = choices as [object];
      return answerJson(200, {
        ...rest,
        choices: [{ ...choice, finish_reason: reason }],
        usage: reported,
      });
    }
    const chunks = [chunk({ content: text }), chunk({}, reason)];
    return answerStream([...chunks, event({ choices: [], usage: reported }), DONE]);
  };

  it.each([
    { what: 'no output and no finish', text: '', reason: null, output: 0, nanos: 0n },
    { what: 'no output and an empty finish', text: '', reason: '', output: 0, nanos: 0n },
    { what: 'no output and a normal finish', text: '', reason: 'stop', output: 0, nanos: 1_650n },
    { what: 'output and no finish', text: 'Hello', reason: null, output: 7, nanos: 5_850n },
    { what: 'output and an error', text: 'Hello', reason: 'error', output: 7, nanos: 0n },
    {
      what: 'output that speaks of one',
      text: '"error"',
      reason: 'stop',
      output: 7,
      nanos: 5_850n,
    },
  ])('with $what costs $nanos nano-dollars', async ({ text, reason, output, nanos }) => {
    const behaviour = ending(text, reason, usage({ input: 11, output }));
    const { answer, record } = await recordOf(behaviour, { stream });
    expect(answer.status).toBe(200);
    expect(record).toMatchObject({ input_tokens: 11, output_tokens: output });
    expect(BigInt(record.cost_nanos)).toBe(nanos);
  });
});
