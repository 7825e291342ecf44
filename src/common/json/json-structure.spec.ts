import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { scanJson } from './json-structure.js';

const shallow = { maxDepth: 100, everyLevel: false };

function valueOf(text: string, key: string): string | undefined {
  const bytes = Buffer.from(text);
  const member = scanJson(bytes, shallow).members.get(key);
  return member && bytes.toString('utf8', member.valueStart, member.valueEnd);
}

describe('scanJson', () => {
  it('finds the bytes of each member of the outermost object', () => {
    const text =
      '{ "model" : "a" , "n":1,"x": {"model":"inner", "y":[1,{"model":2}]} ,"z":"q\\"}," }';
    expect(valueOf(text, 'model')).toBe('"a"');
    expect(valueOf(text, 'n')).toBe('1');
    expect(valueOf(text, 'x')).toBe('{"model":"inner", "y":[1,{"model":2}]}');
    expect(valueOf(text, 'z')).toBe('"q\\"},"');
  });

  it('agrees with JSON.parse on every member of any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })),
        fc.boolean(),
        (value, spaced) => {
          const text = JSON.stringify(value, null, spaced ? 2 : 0);
          const parsed = JSON.parse(text) as Record<string, unknown>;
          const bytes = Buffer.from(text);
          const { members, duplicateKey } = scanJson(bytes, { maxDepth: 100, everyLevel: true });
          expect(duplicateKey).toBeNull();
          expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort());
          for (const [key, { valueStart, valueEnd }] of members) {
            expect(JSON.parse(bytes.toString('utf8', valueStart, valueEnd))).toEqual(parsed[key]);
          }
        },
      ),
    );
  });

  it.each([
    ['{"model":"a","model":"b"}', 'model'],
    ['{"mod\\u0065l":"a","model":"b"}', 'model'],
    ['{"model":"a","x":{"model":"b"}}', null],
    ['[{"model":1},{"model":2}]', null],
  ])('sees a doubled outer key in %s', (text, expected) => {
    expect(scanJson(Buffer.from(text), shallow).duplicateKey).toBe(expected);
  });

  it('sees a doubled inner key when asked for every level', () => {
    const text = Buffer.from('{"a":[{"b":1,"c":{"d":1,"d":2}}]}');
    expect(scanJson(text, { maxDepth: 100, everyLevel: true }).duplicateKey).toBe('d');
    expect(scanJson(text, shallow).duplicateKey).toBeNull();
  });

  it('stops at the depth limit', () => {
    const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
    expect(scanJson(nested(100), shallow).tooDeep).toBe(false);
    expect(scanJson(nested(101), shallow).tooDeep).toBe(true);
    expect(scanJson(nested(10_000), shallow).tooDeep).toBe(true);
  });

  it('skips long strings with escaped quotes at any place', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 9 }),
        (length, slashes) => {
          const value = `${'x'.repeat(length)}${'\\'.repeat(slashes)}"${'y'.repeat(length)}`;
          expect(valueOf(JSON.stringify({ a: value, b: 1 }), 'b')).toBe('1');
        },
      ),
    );
  });
});
