import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  findLookalike,
  findMember,
  isAlike,
  isNull,
  type JsonMember,
  JsonName,
  keyOf,
  readInnerText,
  readMember,
  readText,
  visitMembers,
} from './json-members.js';
import { scanJson } from './json-structure.js';

const options = { maxDepth: 100, maxValues: 10_000, maxMembers: 100, everyLevel: false };

function membersOf(bytes: Buffer): readonly JsonMember[] {
  return scanJson(bytes, options).members;
}

/** Every member inside the value of `x`, as key and depth. */
function visited(value: string): (readonly [string, number])[] {
  const bytes = Buffer.from(`{"before":{"a":1},"x": ${value} ,"after":{"a":1}}`);
  const found: [string, number][] = [];
  const member = findMember(bytes, membersOf(bytes), new JsonName('x'));
  visitMembers(bytes, member!, (inner) => found.push([keyOf(bytes, inner), inner.depth]));
  return found;
}

function expected(value: unknown, depth = 1): (readonly [string, number])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    ...(Array.isArray(value) ? [] : [[key, depth] as const]),
    ...expected(child, depth + 1),
  ]);
}

describe('findLookalike', () => {
  it.each([
    ['stream', 'Stream'],
    ['stream', 'STREAM'],
    ['stream', 'ſtream'],
    ['stream', 'str\\u0045am'],
    ['token', 'to\u212aen'],
  ])('sees what another reader could take for %s: %s', (name, key) => {
    const bytes = Buffer.from(`{"other":1,"${key}":true}`);
    const members = membersOf(bytes);
    expect(findMember(bytes, members, new JsonName(name))).toBeUndefined();
    expect(findLookalike(bytes, members, new JsonName(name))).toBe(JSON.parse(`"${key}"`));
    expect(findLookalike(bytes, members, new JsonName('other'))).toBeNull();
  });
});

describe('findMember', () => {
  it.each(['model', 'mod\\u0065l', '\\u006dodel'])(
    'finds model however it is written: %s',
    (key) => {
      const bytes = Buffer.from(`{"models":1,"mode":2,"${key}":"a\\n"}`);
      const member = findMember(bytes, membersOf(bytes), new JsonName('model'));
      expect(readMember(bytes, member!)).toBe('a\n');
      expect(readText(bytes, member!)).toBe('a\n');
    },
  );

  it.each(['1', 'true', 'null', '["a"]', '{"a":"b"}'])('has no text for %s', (value) => {
    const bytes = Buffer.from(`{"model":${value}}`);
    const [member] = membersOf(bytes);
    expect(readText(bytes, member!)).toBeNull();
    expect(isNull(bytes, member!)).toBe(value === 'null');
  });
});

describe('visitMembers', () => {
  it.each([
    ['"a"', []],
    ['7', []],
    ['{}', []],
    ['[]', []],
    ['["a","b:",{}]', []],
    [
      '{ "a" : "b" , "c" :[ {"d" :1} , "e" ] }',
      [
        ['a', 1],
        ['c', 1],
        ['d', 3],
      ],
    ],
    [
      '{"a":1,"a":{"a":2}}',
      [
        ['a', 1],
        ['a', 1],
        ['a', 2],
      ],
    ],
    [
      '{"\\"a\\":":"\\"b\\":\\\\","\\\\":"{["}',
      [
        ['"a":', 1],
        ['\\', 1],
      ],
    ],
  ])('visits the members of %s', (value, members) => {
    expect(visited(value)).toEqual(members);
  });

  it('visits what a parser would find, in the order of the text', () => {
    const tricky = fc.string({
      unit: fc.constantFrom('\\', '"', '{', '}', '[', ']', ':', ',', ' ', 'é', 'a'.repeat(40)),
    });
    const key = tricky.filter((text) => text !== '__proto__');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        tricky,
        fc.constantFrom(null, 0, true),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (given, space) => {
        const text = JSON.stringify(given, null, space);
        expect(visited(text)).toEqual(expected(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it('reads a text inside, and nothing else', () => {
    const bytes = Buffer.from('{"x":{"a":"\\u0062\\"","b": 1,"c":null,"d":["e"]}}');
    const texts: unknown[] = [];
    visitMembers(bytes, membersOf(bytes)[0]!, (inner) => texts.push(readInnerText(bytes, inner)));
    expect(texts).toEqual(['b"', null, null, null]);
  });

  it.each([
    ['strict', true],
    ['STRICT', true],
    ['\\u0053trict', true],
    ['ſtrict', true],
    ['strict ', false],
    ['stric', false],
    ['', false],
  ])('takes %j for strict: %s', (key, alike) => {
    const bytes = Buffer.from(`[{"${key}":1}]`);
    const whole = { keyStart: 0, keyEnd: 0, keyHash: 0, valueStart: 0, valueEnd: bytes.length };
    const found: boolean[] = [];
    visitMembers(bytes, whole, (inner) =>
      found.push(isAlike(bytes, inner, new JsonName('strict'))),
    );
    expect(found).toEqual([alike]);
  });

  it('takes time by the length of the text only, whatever its escapes', () => {
    const started = performance.now();
    for (const piece of ['\\\\', '\\"', '\\u0041']) {
      expect(visited(`{"a":"${piece.repeat(1_000_000)}"}`)).toEqual([['a', 1]]);
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
