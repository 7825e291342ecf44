import { describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { parseSandboxControls } from './sandbox-request.js';

function refusal(headers: Record<string, string | string[]>): AppError {
  try {
    parseSandboxControls(headers);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The headers were accepted.');
}

describe('parseSandboxControls', () => {
  it('knows nothing to do without headers of its own', () => {
    expect(parseSandboxControls({ authorization: 'Bearer x', 'x-other': '1' })).toEqual({});
  });

  it('reads every header', () => {
    expect(
      parseSandboxControls({
        'x-latchkey-sandbox-text': 'Hi',
        'x-latchkey-sandbox-delay-ms': '600000',
        'x-latchkey-sandbox-chunk-delay-ms': '0',
        'x-latchkey-sandbox-fail': '503',
        'x-latchkey-sandbox-fail-after-chunks': '3',
      }),
    ).toEqual({
      text: 'Hi',
      delayMs: 600_000,
      chunkDelayMs: 0,
      failStatus: 503,
      failAfterChunks: 3,
    });
  });

  it.each([
    ['Gr%C3%BC%C3%9Fe%20%F0%9F%A6%A9%0A', 'Grüße 🦩\n'],
    [Buffer.from('Grüße 🦩').toString('latin1'), 'Grüße 🦩'],
    ['caf\u00e9', 'café'],
    ['', ''],
    ['a+b', 'a+b'],
  ])('takes the text %j as %j', (value, text) => {
    expect(parseSandboxControls({ 'x-latchkey-sandbox-text': value }).text).toBe(text);
  });

  it.each([
    ['x-latchkey-sandbox-delay-ms', '600001'],
    ['x-latchkey-sandbox-delay-ms', '-1'],
    ['x-latchkey-sandbox-delay-ms', '1.5'],
    ['x-latchkey-sandbox-delay-ms', '1e3'],
    ['x-latchkey-sandbox-delay-ms', ''],
    ['x-latchkey-sandbox-delay-ms', '10, 20'],
    ['x-latchkey-sandbox-chunk-delay-ms', '60001'],
    ['x-latchkey-sandbox-fail', '399'],
    ['x-latchkey-sandbox-fail', '600'],
    ['x-latchkey-sandbox-fail', 'yes'],
    ['x-latchkey-sandbox-fail-after-chunks', '1000001'],
    ['x-latchkey-sandbox-text', '100%'],
    ['x-latchkey-sandbox-text', '%ff'],
    ['x-latchkey-sandbox-text', 'x'.repeat(8_193)],
    ['x-latchkey-sandbox-text', '%C3%BC'.repeat(4_097)],
  ])('refuses %s: %s, naming the header', (header, value) => {
    expect(refusal({ [header]: value })).toMatchObject({ code: 'invalid_request', param: header });
  });

  it('refuses a header that is a list', () => {
    expect(refusal({ 'x-latchkey-sandbox-text': ['a', 'b'] }).param).toBe(
      'x-latchkey-sandbox-text',
    );
    expect(refusal({ 'x-latchkey-sandbox-fail': ['500'] }).param).toBe('x-latchkey-sandbox-fail');
  });

  it('takes exactly 8 KiB of text', () => {
    const headers = { 'x-latchkey-sandbox-text': '%C3%BC'.repeat(4_096) };
    expect(parseSandboxControls(headers).text).toHaveLength(4_096);
  });
});
