import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findMember, JsonName, readMember } from './json-members.js';
import { JsonScanError, type ScanOptions, scanJson } from './json-structure.js';

const shallow: ScanOptions = {
  maxDepth: 100,
  maxValues: 10_000,
  maxMembers: 100,
  everyLevel: false,
};
const deep = { ...shallow, everyLevel: true };

function valueOf(text: string, key: string): unknown {
  const bytes = Buffer.from(text);
  const member = findMember(bytes, scanJson(bytes, shallow).members, new JsonName(key));
  return member && readMember(bytes, member);
}

function isAccepted(bytes: Buffer): boolean {
  try {
    scanJson(bytes, { ...shallow, maxDepth: 1_000 });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(JsonScanError);
    return false;
  }
}

function isParsed(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

describe('scanJson', () => {
  it('finds the members of the outermost object', () => {
    const text =
      '{ "model" : "a" , "n":1,"x": {"model":"inner", "y":[1,{"model":2}]} ,"z":"q\\"}," }';
    expect(valueOf(text, 'model')).toBe('a');
    expect(valueOf(text, 'n')).toBe(1);
    expect(valueOf(text, 'x')).toEqual({ model: 'inner', y: [1, { model: 2 }] });
    expect(valueOf(text, 'z')).toBe('q"},');
    expect(valueOf(text, 'y')).toBeUndefined();
  });

  it('agrees with JSON.parse on every member of any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 4 })),
        fc.boolean(),
        (value, spaced) => {
          const bytes = Buffer.from(JSON.stringify(value, null, spaced ? 2 : 0));
          const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>;
          const { members, duplicateKey } = scanJson(bytes, deep);
          expect(duplicateKey).toBeNull();
          const found = members.map(({ keyStart, keyEnd }) =>
            String(JSON.parse(bytes.toString('utf8', keyStart, keyEnd + 1))),
          );
          expect(found.sort()).toEqual(Object.keys(parsed).sort());
          for (const key of found) {
            const at = members.find(
              ({ keyStart, keyEnd }) =>
                JSON.parse(bytes.toString('utf8', keyStart, keyEnd + 1)) === key,
            );
            expect(at && readMember(bytes, at)).toEqual(parsed[key]);
          }
        },
      ),
    );
  });

  it.each([
    ...['', ' ', '{', '}', '[', ']', '{}', '[]', ' { } ', '\t[\n]\r', '{}{}', '[]]', '{},', '"'],
    ...['"a', '"a"', '"\t"', '"\\t"', '"\\u12g4"', '"\\u1234"', '"\\u123', '"\\x"', '"\\', '"\\"'],
    ...['0', '-', '-0', '01', '1.', '1.0', '.5', '1e', '1e+', '1E-07', '1e5.', '--1', '+1', '0x1'],
    ...['true', 'tru', 'truer', 'null', 'nul', 'false', 'falsy', 'True', 'NaN', 'undefined'],
    ...['[1,]', '[,1]', '[1 2]', '[1,,2]', '[1}', '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}'],
    ...['{"a" 1}', '{a:1}', "{'a':1}", '{"a":1 "b":2}', '{"a":1]', '[{"a":[1,{}]}]', '1 1', '\f1'],
    ...['\u{feff}{}', '\u00a0{}', '"\u007f\u2028"', '"😀"', '[tru]', '[nul', '"abcdefgh\n"'],
  ])('accepts %j just as JSON.parse does', (text) => {
    const bytes = Buffer.from(text);
    expect(isAccepted(bytes)).toBe(isParsed(bytes));
  });

  it('accepts exactly what JSON.parse accepts, of any bytes and of JSON with a few bytes changed', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      '\n',
      ' ',
      '-',
      '0',
      '1.5',
      'e+3',
      'null',
    ];
    const soup = fc
      .array(fc.constantFrom(...pieces, 'true', '"a"', '"model"', '\\u00', 'é', '\u0007'))
      .map((parts) => Buffer.from(parts.join('')));
    const spoilt = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
      )
      .map(([text, changes]) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      });
    const anything = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.oneof(soup, spoilt, anything), (bytes) => {
        expect(isAccepted(bytes)).toBe(isParsed(bytes));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['{"model":"a","model":"b"}', 'model'],
    ['{"mod\\u0065l":"a","model":"b"}', 'model'],
    ['{"é":"a","\\u00e9":"b"}', 'é'],
    ['{"model":"a","Model":"b"}', null],
    ['{"model":"a","x":{"model":"b"}}', null],
    ['[{"model":1},{"model":2}]', null],
  ])('sees a doubled outer key in %s', (text, expected) => {
    expect(scanJson(Buffer.from(text), shallow).duplicateKey).toBe(expected);
  });

  it('sees a doubled inner key when asked for every level', () => {
    const text = Buffer.from('{"a":[{"b":1,"c":{"d":1,"d":2}}]}');
    expect(scanJson(text, deep).duplicateKey).toBe('d');
    expect(scanJson(text, shallow).duplicateKey).toBeNull();
  });

  it.each([
    ['deeper than 100', '['.repeat(101)],
    ['deeper than 100', '['.repeat(1_000_000)],
    ['more than 10000 values', `[${'[],'.repeat(10_000)}1]`],
    [
      'more than 100 members',
      JSON.stringify(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, i]))),
    ],
  ])('stops at %s', (reason, text) => {
    expect(() => scanJson(Buffer.from(text), shallow)).toThrow(reason);
  });

  it('marks every key inside the outermost members, however it is spelled', () => {
    const names = ['type', 'image_url', 'input_audio', 'audio_url', 'cache_control'];
    // Each letter as it is, large, or as an escape.
    const spellings = [
      (letter: string) => letter,
      (letter: string) => letter.toUpperCase(),
      (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ];
    const spelling = fc.array(fc.constantFrom(...spellings), { minLength: 13, maxLength: 13 });
    fc.assert(
      fc.property(fc.constantFrom(...names), spelling, fc.nat(3), (name, spelled, depth) => {
        const key = [...name].map((letter, index) => spelled[index]?.(letter)).join('');
        const inner = `${'['.repeat(depth)}{"role":1,"${key}":2}${']'.repeat(depth)}`;
        const { innerMarks } = scanJson(Buffer.from(`{"messages":${inner}}`), shallow);
        expect(innerMarks & new JsonName(name).mark).not.toBe(0);
      }),
    );
  });

  it('marks a key of one letter', () => {
    const { innerMarks } = scanJson(Buffer.from('{"x":{"n":1}}'), shallow);
    expect(innerMarks).toBe(new JsonName('n').mark);
  });

  it('marks neither the outermost keys nor what only stands in texts', () => {
    const text = '{"type":"image_url","messages":[{"role":"type","content":"\\"type\\":1"}]}';
    const { innerMarks } = scanJson(Buffer.from(text), shallow);
    // Not even by chance: these two keys stand in every request.
    const parts = ['image_url', 'input_audio', 'audio_url', 'audio', 'video_url'];
    for (const name of ['type', ...parts, 'cache_control']) {
      expect(innerMarks & new JsonName(name).mark).toBe(0);
    }
    expect(innerMarks & new JsonName('role').mark).not.toBe(0);
  });

  it('takes as much as the bounds allow', () => {
    for (const text of ['['.repeat(100) + ']'.repeat(100), `[${'1,'.repeat(9_998)}1]`]) {
      expect(scanJson(Buffer.from(text), shallow).isObject).toBe(false);
    }
  });

  it('finds the end of a string wherever its escapes stand', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 9 }),
        (length, slashes) => {
          const value = `${'x'.repeat(length)}${'\\'.repeat(slashes)}"${'y'.repeat(length)}`;
          expect(valueOf(JSON.stringify({ a: value, b: 1 }), 'b')).toBe(1);
        },
      ),
    );
  });
});
