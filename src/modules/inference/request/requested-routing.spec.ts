import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CHAT_COMPLETIONS } from '../surface.js';
import { type InferenceRequest, parseInferenceRequest, upstreamBody } from './inference-request.js';
import { requestedRouting } from './requested-routing.js';

function parse(text: string): InferenceRequest {
  const request = parseInferenceRequest(Buffer.from(text), CHAT_COMPLETIONS);
  request.wishes = requestedRouting(request);
  return request;
}

describe('requestedRouting', () => {
  it.each([
    ['{"model":"m"}', null],
    ['{"model":"m","preference":"cost"}', { preference: 'cost' }],
    ['{"model":"m","preference":null}', {}],
    ['{"model":"m","allowed_providers":["a","b"]}', { allowedProviders: new Set(['a', 'b']) }],
    ['{"model":"m","allowed_providers":[]}', { allowedProviders: null }],
    ['{"model":"m","allowed_providers":null}', { allowedProviders: null }],
  ])('reads %s', (text, expected) => {
    expect(parse(text).wishes).toEqual(expected);
  });

  it.each([
    ['preference', '"cheap"'],
    ['preference', '7'],
    ['preference', '["cost"]'],
    ['allowed_providers', '"a"'],
    ['allowed_providers', '[""]'],
    ['allowed_providers', '[1]'],
    ['allowed_providers', '{"0":"a"}'],
    ['allowed_providers', JSON.stringify(Array.from({ length: 101 }, (_, at) => `p${at}`))],
  ])('refuses %s: %s', (name, value) => {
    const wrong = expect.objectContaining({ code: 'invalid_request', param: name }) as Error;
    expect(() => parse(`{"model":"m","${name}":${value}}`)).toThrow(wrong);
  });

  it.each(['Preference', 'ALLOWED_PROVIDERS'])('refuses %s, which could be meant', (name) => {
    expect(() => parse(`{"model":"m","${name}":null}`)).toThrow(/lower case/);
  });
});

const LEFT_OUT = ['preference', 'allowed_providers'];

describe('upstreamBody', () => {
  const others = fc.dictionary(
    fc.constantFrom('temperature', 'messages', 'user', 'a', 'b'),
    fc.jsonValue({ maxDepth: 2 }),
    { noNullPrototype: true },
  );
  const own = { preference: 'speed', allowed_providers: ['a,b', '{"'], stream: true };

  it('leaves out what a request says of its routing, wherever it stands, and nothing else', () => {
    const order = fc.shuffledSubarray(['preference', 'allowed_providers', 'model', 'stream'], {
      minLength: 4,
    });
    const space = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(others, order, space, fc.boolean(), (rest, names, indent, isRenamed) => {
        const given = { ...own, model: 'm' };
        const entries = names.map((name) => [name, given[name as keyof typeof given]] as const);
        const [first, ...later] = entries;
        const all = Object.fromEntries([
          ...(first ? [first] : []),
          ...Object.entries(rest),
          ...later,
        ]);
        const request = parse(JSON.stringify(all, null, indent));
        const upstream = isRenamed ? 'n' : 'm';
        const sent = JSON.parse(upstreamBody(request, upstream).toString()) as unknown;
        const kept = Object.fromEntries(
          // As JSON has it: it knows no -0.
          Object.entries(JSON.parse(JSON.stringify(all)) as object).filter(
            ([name]) => !LEFT_OUT.includes(name),
          ),
        ) as Record<string, unknown>;
        expect(sent).toEqual({ ...kept, model: upstream, stream_options: { include_usage: true } });
      }),
    );
  });
});
