import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS } from '../surface.js';
import { type InferenceRequest, parseInferenceRequest, upstreamBody } from './inference-request.js';

function parse(text: string, surface = CHAT_COMPLETIONS): InferenceRequest {
  return parseInferenceRequest(Buffer.from(text), surface);
}

function sent(text: string, upstreamModel: string): string {
  return upstreamBody(parse(text), upstreamModel).toString();
}

/** Any object of JSON without the members that the gateway acts on. */
const others = fc.dictionary(
  fc
    .string({ unit: 'grapheme' })
    .filter((key) => !['model', 'stream', 'stream_options'].includes(key)),
  fc.jsonValue({ maxDepth: 3 }),
  { noNullPrototype: true, maxKeys: 5 },
);
const model = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const indent = fc.constantFrom(undefined, 1, '\t');

describe('parseInferenceRequest', () => {
  it('reads what the gateway acts on, and keeps the bytes', () => {
    const body = Buffer.from('{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
    const request = parseInferenceRequest(body, CHAT_COMPLETIONS);
    expect(request).toMatchObject({ model: 'm', stream: true, wantsUsage: true });
    expect(request.body).toBe(body);
  });

  it.each([
    ['{"model":"m"}', false, false],
    ['{"model":"m","stream":null,"stream_options":7}', false, false],
    ['{"model":"m","stream":false,"stream_options":{"include_usage":true}}', false, false],
    ['{"model":"m","stream":true}', true, false],
    ['{"model":"m","stream":true,"stream_options":null}', true, false],
    ['{"model":"m","stream":true,"stream_options":{"include_usage":null}}', true, false],
  ])('%s streams: %s, wants usage: %s', (text, stream, wantsUsage) => {
    expect(parse(text)).toMatchObject({ stream, wantsUsage });
  });

  it('leaves stream to the provider where a surface has none', () => {
    expect(parse('{"model":"m","stream":"x"}', EMBEDDINGS)).toMatchObject({ stream: false });
  });

  it.each([
    ['{"model":"a","model":"b"}', 'invalid_json', 'model'],
    [`{"${'x'.repeat(100)}":1,"model":"a","${'x'.repeat(100)}":1}`, 'invalid_json', 'x'.repeat(64)],
    ['{"\\n":1,"model":"a","\\n":2}', 'invalid_json', '\\n'],
    ['{"mod\\u00zz":1}', 'invalid_json', null],
    ['{"model":"a"', 'invalid_json', null],
    ['}', 'invalid_json', null],
    ['[[[', 'invalid_json', null],
    ['', 'invalid_json', null],
    ['[]', 'invalid_request', null],
    ['{"model":1}', 'invalid_request', 'model'],
  ])('refuses %.60s with %s', (text, code, param) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code, param }) as AppError);
  });

  it('takes 128 containers in one another, and not one more', () => {
    const nested = (depth: number): string =>
      `{"model":"m","x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(parse(nested(128)).model).toBe('m');
    expect(() => parse(nested(129))).toThrow(/deeper than 128/);
  });

  it('takes 256 members and 500,000 values, and not one more', () => {
    const members = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 0])));
    expect(parse(`{"model":"m",${members(255).slice(1)}`).model).toBe('m');
    expect(() => parse(`{"model":"m",${members(256).slice(1)}`)).toThrow(/more than 256 members/);
    // The object, the model and the array are values, too.
    const values = (count: number): string => `{"model":"m","x":[${'0,'.repeat(count - 4)}0]}`;
    expect(parse(values(500_000)).model).toBe('m');
    expect(() => parse(values(500_001))).toThrow(/more than 500000 values/);
  });

  it('does not parse 32 MiB of small values', () => {
    const started = performance.now();
    expect(() => parse(`[${'[],'.repeat(11_000_000)}[]]`)).toThrow(/more than 500000 values/);
    // It held the event loop for 13 s when they were counted by parsing them.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it.each(['Stream', 'ſtream', 'STREAM_OPTIONS'])(
    'refuses %s, which some providers read',
    (key) => {
      expect(() => parse(`{"model":"m","${key}":true}`)).toThrow(/in lower case, and once/);
    },
  );

  it('never throws anything but a refusal, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom(...'{}[]",:\\\n', '"model"', '"a"', '1', 'null', '\\u0', 'é'))
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        try {
          parseInferenceRequest(body, CHAT_COMPLETIONS);
        } catch (error) {
          expect((error as AppError).code).toMatch(/^invalid_(json|request)$/);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a model that is named in other letters besides', () => {
  it.each(['Model', 'MODEL', 'mod\\u0045l'])('is refused: %s', (key) => {
    const text = `{"model":"allowed","${key}":"another"}`;
    expect(() => parse(text)).toThrow(/lower case/);
  });
});

describe('upstreamBody', () => {
  it('is the client’s own bytes when nothing must change', () => {
    fc.assert(
      fc.property(others, model, indent, (members, name, space) => {
        const request = parse(JSON.stringify({ ...members, model: name }, null, space));
        expect(upstreamBody(request, name)).toBe(request.body);
      }),
    );
  });

  it('has another model and nothing else changed, wherever the member stands', () => {
    fc.assert(
      fc.property(others, others, model, model, (before, after, from, to) => {
        const text = (name: string): string =>
          JSON.stringify({ ...before, model: name, ...after }, null, 1);
        expect(sent(text(from), to)).toBe(text(to));
      }),
    );
  });

  it('asks for usage in every stream, and means the same otherwise', () => {
    const options = fc.option(
      fc.oneof(
        fc.constant(null),
        fc.record(
          { include_usage: fc.constantFrom(true, false, null), other: fc.jsonValue() },
          { requiredKeys: [] },
        ),
      ),
      { nil: undefined },
    );
    fc.assert(
      fc.property(others, model, model, options, indent, (members, from, to, given, space) => {
        const asked = {
          ...members,
          ...(given !== undefined && { stream_options: given }),
          model: from,
          stream: true,
        };
        const text = JSON.stringify(asked, null, space);
        expect(JSON.parse(sent(text, to))).toEqual(
          JSON.parse(
            JSON.stringify({
              ...asked,
              model: to,
              stream_options: { ...given, include_usage: true },
            }),
          ),
        );
      }),
    );
  });

  it('does not touch a stream whose client asks for usage itself', () => {
    const text = '{"stream":true, "stream_options" : {"include_usage":true},"model":"m"}';
    expect(sent(text, 'm')).toBe(text);
  });
});

describe('a limit of the output tokens', () => {
  function limited(request: InferenceRequest): InferenceRequest {
    request.outputLimit = 50;
    return request;
  }

  function capped(text: string, { surface = CHAT_COMPLETIONS, to = 'm' } = {}): string {
    return upstreamBody(limited(parse(text, surface)), to).toString();
  }

  it.each([
    ['{"model":"m"}', '{"max_tokens":50,"model":"m"}'],
    [' { "model":"m"}', ' {"max_tokens":50, "model":"m"}'],
    ['{"model":"m", "max_tokens" : null }', '{"model":"m", "max_tokens" : 50 }'],
    ['{"max\\u005ftokens":null,"model":"m"}', '{"max\\u005ftokens":50,"model":"m"}'],
    [
      '{"model":"m","max_completion_tokens":null}',
      '{"max_tokens":50,"model":"m","max_completion_tokens":null}',
    ],
    [
      '{"model":"m","max_tokens":null,"max_completion_tokens":null}',
      '{"model":"m","max_tokens":50,"max_completion_tokens":null}',
    ],
    ['{"model":"m","x":{"max_tokens":1}}', '{"max_tokens":50,"model":"m","x":{"max_tokens":1}}'],
  ])('is written into %s', (text, expected) => {
    expect(capped(text)).toBe(expected);
    expect(capped(text, { surface: COMPLETIONS })).toBe(expected);
  });

  it.each([
    '{"model":"m","max_tokens":7}',
    '{"model":"m","max_completion_tokens":7}',
    '{"model":"m","max_tokens":null,"max_completion_tokens":700}',
  ])('leaves alone what the client names itself: %s', (text) => {
    const request = parse(text);
    expect(upstreamBody(limited(request), 'm')).toBe(request.body);
  });

  it('is none for embeddings', () => {
    const request = parse('{"model":"m","max_tokens":null}', EMBEDDINGS);
    expect(upstreamBody(limited(request), 'm')).toBe(request.body);
  });

  it('goes with the other changes', () => {
    const text = capped('{"stream":true,"model":"m","max_tokens":null}', { to: 'other' });
    expect(text).toBe(
      '{"stream_options":{"include_usage":true},"stream":true,"model":"other","max_tokens":50}',
    );
    expect(capped('{"stream":true,"model":"m"}', { to: 'n' })).toBe(
      '{"stream_options":{"include_usage":true},"max_tokens":50,"stream":true,"model":"n"}',
    );
  });

  it.each([
    ['{"model":"m"}', '{"max_tokens":7,"model":"m"}'],
    ['{"model":"m","max_tokens":null}', '{"model":"m","max_tokens":7}'],
    ['{"model":"m","max_tokens":9}', '{"model":"m","max_tokens":7}'],
    ['{"model":"m", "max_tokens" : 1.5e3 }', '{"model":"m", "max_tokens" : 7 }'],
    ['{"model":"m","max\\u005ftokens":9}', '{"model":"m","max\\u005ftokens":7}'],
    ['{"model":"m","max_tokens":7}', '{"model":"m","max_tokens":7}'],
    ['{"model":"m","max_completion_tokens":9}', '{"model":"m","max_completion_tokens":7}'],
    [
      '{"max_tokens":null,"model":"m","max_completion_tokens":9}',
      '{"max_tokens":null,"model":"m","max_completion_tokens":7}',
    ],
    [
      '{"max_tokens":8,"model":"m","max_completion_tokens":9}',
      '{"max_tokens":7,"model":"m","max_completion_tokens":7}',
    ],
    [
      '{"max_tokens":5,"model":"m","max_completion_tokens":9}',
      '{"max_tokens":5,"model":"m","max_completion_tokens":7}',
    ],
  ])('that is lowered holds whatever the client names: %s', (text, expected) => {
    const request = parse(text);
    request.outputLimit = 50;
    request.lowerOutputTo(7);
    request.lowerOutputTo(8);
    expect(upstreamBody(request, 'm').toString()).toBe(expected);
  });

  it('that is lowered changes those members and nothing else, whatever the body', () => {
    const limit = fc.option(
      fc.constantFrom('null', '1', '50', '49', '51', '5.1e1', '2147483647', '51.0'),
    );
    fc.assert(
      fc.property(others, fc.tuple(limit, limit), indent, (members, [older, newer], space) => {
        const inner = JSON.stringify({ ...members, model: 'm', stream: false }, null, space);
        const write = (a: string | null, b: string | null): string => {
          const first = a === null ? '' : `"max_tokens": ${a},`;
          const last = b === null ? '' : `,"max_completion_tokens" :${b}`;
          return `{${first}${inner.slice(1, -1)}${last}}`;
        };
        const text = write(older, newer);
        const request = parse(text);
        request.lowerOutputTo(50);
        const lowered = (value: string | null): string | null =>
          value === null || value === 'null' ? value : String(Math.min(50, Number(value)));
        const sentOn = JSON.parse(upstreamBody(request, 'm').toString()) as object;
        const expected = JSON.parse(write(lowered(older), lowered(newer))) as object;
        const namesOne = [older, newer].some((value) => value !== null && value !== 'null');
        expect(sentOn).toEqual({
          ...expected,
          ...(!namesOne && { max_tokens: 50 }),
        });
      }),
      { numRuns: 500 },
    );
  });

  it('changes nothing else, whatever the body', () => {
    fc.assert(
      fc.property(others, model, model, fc.boolean(), (members, from, to, stream) => {
        const asked = { ...members, model: from, stream };
        const sentOn = JSON.parse(capped(JSON.stringify(asked), { to })) as object;
        expect(sentOn).toEqual({
          ...(JSON.parse(sent(JSON.stringify(asked), to)) as object),
          max_tokens: 50,
        });
      }),
    );
  });
});
