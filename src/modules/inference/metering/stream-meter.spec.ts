import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';

import { EventTooLongError, MAX_EVENT_BYTES, StreamMeter } from './stream-meter.js';

const event = (payload: unknown): string => `data: ${JSON.stringify(payload)}\n\n`;
const delta = (content: string, reason: string | null = null): string =>
  event({ choices: [{ index: 0, delta: { content }, finish_reason: reason }], usage: null });
const STOP = delta('', 'stop');
const USAGE_CHUNK = event({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7 } });
const DONE = 'data: [DONE]\n\n';
const FIGURES = { inputTokens: 11, outputTokens: 7, cachedInputTokens: 0, reasoningTokens: 0 };

function run(pieces: readonly (string | Buffer)[], hides = true) {
  const meter = new StreamMeter(hides, null);
  const out: Buffer[] = [];
  for (const piece of pieces) {
    const { forward, done } = meter.push(Buffer.from(piece as string));
    if (forward) out.push(forward);
    if (done) out.push(done);
  }
  const rest = meter.flush();
  if (rest) out.push(rest);
  return { meter, text: Buffer.concat(out).toString() };
}

describe('what goes on to the client', () => {
  it('is everything but the usage chunk that it did not ask for', () => {
    const pieces = [delta('a'), STOP, USAGE_CHUNK, DONE];
    expect(run(pieces).text).toBe(delta('a') + STOP + DONE);
    expect(run(pieces, false).text).toBe(pieces.join(''));
  });

  it.each([
    ['a usage that can’t be read', event({ choices: [], usage: { prompt_tokens: -1 } }), true],
    ['no choice and usage: null', event({ choices: [], usage: null }), false],
    ['no choice and something else', event({ choices: [], prompt_filter_results: [{}] }), false],
    [
      'usage beside a choice',
      event({ choices: [{ index: 0 }], usage: { prompt_tokens: 1 } }),
      false,
    ],
    ['an error beside usage', event({ choices: [], usage: {}, error: { code: 1 } }), false],
    ['no JSON', 'data: "usage":{ no JSON\n\n', false],
    ['a comment', ': "usage":{}\n\n', false],
    ['other fields', 'event: x\nid: 1\ndata: {"x":1}\n\n', false],
  ])('a chunk with %s', (_, chunk, isHidden) => {
    expect(run([delta('a') + chunk + STOP]).text).toBe(delta('a') + (isHidden ? '' : chunk) + STOP);
  });

  it('comes in whole events, as soon as they are whole', () => {
    const meter = new StreamMeter(true, null);
    expect(meter.push(Buffer.from('data: {"a"')).forward).toBeNull();
    expect(meter.push(Buffer.from(':1}\n')).forward).toBeNull();
    expect(meter.push(Buffer.from('\ndata: {')).forward?.toString()).toBe('data: {"a":1}\n\n');
  });

  it('is the same, and is counted the same, however the bytes are split', () => {
    const events = fc.array(
      fc.oneof(
        fc.string({ unit: 'grapheme' }).map((text) => delta(text)),
        fc.constantFrom(
          USAGE_CHUNK,
          ': ping\n\n',
          'event: x\ndata: {}\n\n',
          delta('"usage":{ [DONE] "error":'),
        ),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(
        events,
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.nat(2_000), { maxLength: 8 }),
        (list, isCrlf, hides, cuts) => {
          const text = [...list, STOP, USAGE_CHUNK, DONE].join('');
          const bytes = Buffer.from(isCrlf ? text.replaceAll('\n', '\r\n') : text);
          const places = [
            0,
            ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b),
            bytes.length,
          ];
          const pieces = places
            .slice(1)
            .map((place, index) => bytes.subarray(places[index], place));
          const whole = run([bytes], hides);
          const split = run(pieces, hides);
          expect(split.text).toBe(whole.text);
          expect(split.meter.text).toBe(whole.meter.text);
          expect([split.meter.usage, whole.meter.usage]).toEqual([FIGURES, FIGURES]);
          expect([split.meter.isComplete, whole.meter.isComplete]).toEqual([true, true]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is the same split at every byte', () => {
    for (const newline of ['\n', '\r\n']) {
      const text = [delta('é\u{1F511}\r\n\r\n"\\'), STOP, USAGE_CHUNK, DONE].join('');
      const bytes = Buffer.from(text.replaceAll('\n', newline));
      const whole = run([bytes]);
      for (let cut = 1; cut < bytes.length; cut++) {
        const { text: got, meter } = run([bytes.subarray(0, cut), bytes.subarray(cut)]);
        expect(got).toBe(whole.text);
        expect(meter.usage).toEqual(FIGURES);
      }
      const single = run([...bytes].map((byte) => Buffer.from([byte])));
      expect(single.text).toBe(whole.text);
    }
  });
});

describe('usage', () => {
  it('is the last that was reported', () => {
    const first = event({ choices: [{}], usage: { prompt_tokens: 1, completion_tokens: 1 } });
    expect(run([first, USAGE_CHUNK]).meter.usage).toEqual(FIGURES);
  });

  it('that is broken does not replace what was good', () => {
    const broken = event({ choices: [], usage: { prompt_tokens: 'x' } });
    expect(run([USAGE_CHUNK, broken]).meter.usage).toEqual(FIGURES);
  });

  it('is not found in a text', () => {
    expect(run([delta('"usage":{"prompt_tokens":1}'), DONE]).meter.usage).toBeNull();
  });

  it('may have spaces around it', () => {
    const spaced =
      'data: {"choices": [], "usage":   {"prompt_tokens": 11, "completion_tokens": 7}}\n\n';
    expect(run([spaced]).meter.usage).toEqual(FIGURES);
    expect(run([spaced]).text).toBe('');
  });
});

describe('isComplete', () => {
  it.each([
    ['[DONE]', [delta('a'), DONE], true],
    ['[DONE] without a space', [delta('a'), 'data:[DONE]\n\n'], true],
    ['a finish reason', [delta('a'), STOP], true],
    ['a finish reason with a space', ['data: {"choices":[{"finish_reason": "length"}]}\n\n'], true],
    ['nothing', [], false],
    ['text only', [delta('a')], false],
    ['half an end', [delta('a'), 'data: [DON'], false],
    ['a text that speaks of the end', [delta('data: [DONE]\n\n "finish_reason":"stop"')], false],
    ['an error', [delta('a'), event({ error: { message: 'x' } })], false],
    ['an error, then [DONE]', [event({ error: { message: 'x' } }), DONE], false],
    ['error: null', [event({ error: null }), DONE], true],
  ])('after %s', (_, pieces, isComplete) => {
    const { meter } = run(pieces);
    expect(meter.isComplete).toBe(isComplete);
    const hasError = pieces.join('').includes('"error":{');
    expect(meter.hasFailed).toBe(hasError);
  });
});

describe('text', () => {
  it.each([
    ['content', { delta: { content: 'a"b\u{1F511}' } }, 'a\\"b\u{1F511}'],
    ['thoughts', { delta: { reasoning_content: 'r' } }, 'r'],
    ['thoughts of another name', { delta: { reasoning: 'r' } }, 'r'],
    ['arguments', { delta: { tool_calls: [{ function: { arguments: '{"x' } }] } }, '{\\"x'],
    ['a completion', { text: 'a' }, 'a'],
    ['nothing', { delta: { content: null, role: 'assistant' } }, ''],
    ['an empty text', { delta: { content: '' } }, ''],
  ])('has %s', (_, choice, text) => {
    expect(run([event({ choices: [choice] })]).meter.text).toBe(text);
    const spaced = JSON.stringify({ choices: [choice] }).replaceAll('":', '": ');
    if (!text.includes(':')) expect(run([`data: ${spaced}\n\n`]).meter.text).toBe(text);
  });

  it('is kept up to a bound', () => {
    const meter = new StreamMeter(true, null);
    const long = Buffer.from(delta('x'.repeat(100_000)));
    for (let i = 0; i < 100; i++) meter.push(long);
    expect(meter.text.length).toBeGreaterThan(1_000_000);
    expect(meter.text.length).toBeLessThan(1_300_000);
  });
});

describe('an event that does not end', () => {
  it('is refused beyond a mebibyte, however it comes', () => {
    for (const size of [1_000, 64 * 1024, 2 * MAX_EVENT_BYTES]) {
      const meter = new StreamMeter(true, null);
      const piece = Buffer.alloc(size, 'x');
      const push = (): void => {
        for (let sent = 0; sent <= MAX_EVENT_BYTES; sent += size) meter.push(piece);
      };
      expect(push).toThrow(EventTooLongError);
    }
  });

  it('is taken up to there', () => {
    const longest = delta('x'.repeat(MAX_EVENT_BYTES - 200));
    expect(run([longest.slice(0, 5), longest.slice(5)]).text).toBe(longest);
  });
});

describe('an error event', () => {
  const CREDENTIAL = 'of-no-known-shape-1234';
  const push = (text: string): string | undefined =>
    new StreamMeter(true, new Secret(CREDENTIAL)).push(Buffer.from(text)).forward?.toString();

  it.each([
    { error: { message: `${CREDENTIAL} is wrong`, type: 'x' }, choices: [] },
    { error: CREDENTIAL },
    { error: { metadata: { raw: [`"Bearer ${CREDENTIAL}"`] } } },
    { error: { message: 'sk-abcdefghijklmnop1234' } },
  ])('goes on without the credential: %j', (payload) => {
    const shown = push(event(payload));
    expect(shown).toMatch(/^data: \{"error":.*\[redacted\].*\}\n\n$/);
    expect(shown).not.toMatch(/of-no-known|sk-abc/);
  });

  it('goes on byte for byte when it quotes none', () => {
    const text = 'event: error\r\ndata: {"error" : 1,  "error":{"message":"é"}}\r\n\r\n';
    expect(push(text)).toBe(text);
  });
});
