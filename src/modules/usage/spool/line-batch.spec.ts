import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import { type JsonRecords, LineBatch } from './line-batch.js';

const NONE: ReadonlySet<number> = new Set();

/** A line as any version may have written it. */
function line(id: string, at: number, hasTimeFirst = true): string {
  const json = hasTimeFirst
    ? `{"v":1,"at":${at},"id":"${id}"}`
    : `{"v":1,"id":"${id}","at":${at},"é":0}`;
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}`;
}

/** Takes the lines up as the reader does, from a buffer in which something stands before and after them. */
function batchOf(lines: readonly string[]): { batch: LineBatch; reasons: (string | null)[] } {
  const memory = Buffer.from(`before${lines.map((text) => `${text}\n`).join('')}after`);
  const bytes = memory.subarray('before'.length, memory.length - 'after'.length);
  const batch = new LineBatch(bytes, { segment: 7, offset: 1_000 });
  const reasons: (string | null)[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf('\n', start);
    reasons.push(batch.add(start, end));
    start = end + 1;
  }
  return { batch, reasons };
}

function idsOf({ json, count }: JsonRecords): string[] {
  const records = JSON.parse(json.toString()) as { id: string }[];
  expect(records).toHaveLength(count);
  return records.map(({ id }) => id);
}

describe('a batch of lines', () => {
  it('is the JSON array of its records, without what stands between them', () => {
    const damaged = line('req_x', 1).replace('req_x', 'req_y');
    const lines = [
      '',
      damaged,
      line('req_a', 1),
      'torn',
      '',
      line('req_b', 2, false),
      '  ',
      damaged,
    ];
    const { batch, reasons } = batchOf(lines);
    expect(reasons.map((reason) => reason === null)).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
    const { json, count } = batch.toJson(NONE);
    expect(count).toBe(2);
    expect(json.toString()).toMatch(
      /^\[ {8}\{.*"id":"req_a"\}, +\{.*"id":"req_b","at":2,"é":0\}\]$/,
    );
    expect(batch.times).toEqual([1, 2]);
  });

  it('tells where a line stands and its JSON, also after the array was made', () => {
    const first = line('req_a', 1);
    const { batch } = batchOf([first, line('req_é', 2)]);
    const expected = {
      at: { segment: 7, offset: 1_000 + first.length + 1 },
      json: line('req_é', 2).slice(9),
    };
    expect(batch.lineAt(1)).toEqual(expected);
    batch.toJson(NONE);
    expect(batch.lineAt(1)).toEqual(expected);
  });

  it('leaves out the records of refused times, wherever they stand', () => {
    for (const refused of [[1], [2], [3], [1, 2], [2, 3], [1, 3], [1, 2, 3], [NaN]]) {
      const lines = [1, 2, 3].map((at) => line(`req_${at}`, at));
      const { batch } = batchOf(lines);
      const out = new Set(refused);
      expect(batch.linesOf(out).map(({ json }) => json)).toEqual(
        lines.filter((_, index) => out.has(index + 1)).map((text) => text.slice(9)),
      );
      expect(idsOf(batch.toJson(out))).toEqual(
        [1, 2, 3].filter((at) => !out.has(at)).map((at) => `req_${at}`),
      );
    }
  });

  it('is an empty array when there is no record in it', () => {
    for (const lines of [[], [''], ['torn', '', 'deadbeef {"v":1,"at":1,}']]) {
      const { batch } = batchOf(lines);
      expect(batch.length).toBe(0);
      const { json, count } = batch.toJson(NONE);
      expect([json.toString(), count]).toEqual(['[]', 0]);
    }
  });

  it('holds exactly the whole lines, whatever stands between them', () => {
    const noise = fc.constantFrom(
      '',
      '   ',
      'torn',
      '[',
      ',',
      ']',
      '\0\0',
      `${line('x', 1)} `,
      'é"\\',
    );
    const pieces = fc.array(fc.oneof(noise, fc.constantFrom('new', 'old')), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, (kinds) => {
        const wanted: string[] = [];
        const lines = kinds.map((kind, index) => {
          if (kind !== 'new' && kind !== 'old') return kind;
          wanted.push(`req_${index}`);
          return line(`req_${index}`, index, kind === 'new');
        });
        expect(idsOf(batchOf(lines).batch.toJson(NONE))).toEqual(wanted);
      }),
    );
  });
});
