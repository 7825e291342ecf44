import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { usageRecord } from '../../../../test/support/factories/usage-record.factory.js';
import { idsOfRows, jsonOfVersion1, sealed } from '../../../../test/support/usage-lines.js';
import { LineBatch } from './line-batch.js';

const NONE: ReadonlySet<number> = new Set();

/** A line as this version may have written it. */
function line(id: string, at: number): string {
  return sealed(`${at}\t${id}\té`).toString();
}

/** A line as version 1 wrote it. */
function oldLine(id: string, occurredAtMs: number): string {
  return sealed(jsonOfVersion1(usageRecord({ id, occurredAtMs }))).toString();
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

describe('a batch of lines', () => {
  it('is a row for each record, without what stands between them', () => {
    const damaged = line('req_x', 1).replace('req_x', 'req_y');
    const lines = [
      '',
      damaged,
      line('req_a', 1),
      'torn',
      '',
      oldLine('req_b', 2),
      line('req_c', 3),
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
      true,
      false,
      false,
    ]);
    const { text, count } = batch.toRows(NONE);
    expect(count).toBe(3);
    expect(text.toString()).toMatch(/^1\treq_a\té\n +2\treq_b\t[^\n{}]*\n +3\treq_c\té$/);
    expect(batch.times).toEqual([1, 2, 3]);
  });

  it('tells where a line stands and its fields, also after the rows were made', () => {
    const first = line('req_a', 1);
    const { batch } = batchOf([first, line('req_é', 2)]);
    const expected = {
      at: { segment: 7, offset: 1_000 + Buffer.byteLength(first) + 1 },
      fields: line('req_é', 2).slice(9),
    };
    expect(batch.lineAt(1)).toEqual(expected);
    batch.toRows(NONE);
    expect(batch.lineAt(1)).toEqual(expected);
  });

  it('leaves out the records of refused times, wherever they stand', () => {
    for (const refused of [[1], [2], [3], [1, 2], [2, 3], [1, 3], [1, 2, 3], [NaN]]) {
      const lines = [1, 2, 3].map((at) => line(`req_${at}`, at));
      const { batch } = batchOf(lines);
      const out = new Set(refused);
      expect(batch.linesOf(out).map(({ fields }) => fields)).toEqual(
        lines.filter((_, index) => out.has(index + 1)).map((text) => text.slice(9)),
      );
      expect(idsOfRows(batch.toRows(out))).toEqual(
        [1, 2, 3].filter((at) => !out.has(at)).map((at) => `req_${at}`),
      );
    }
  });

  it('is empty when there is no record in it', () => {
    for (const lines of [[], [''], ['torn', '', 'deadbeef 1\treq_a']]) {
      const { batch } = batchOf(lines);
      expect(batch.length).toBe(0);
      const { text, count } = batch.toRows(NONE);
      expect([text.toString(), count]).toEqual(['', 0]);
    }
  });

  it('holds exactly the whole lines, whatever stands between them', () => {
    const noise = fc.constantFrom(
      '',
      '   ',
      'torn',
      '\t',
      '1\t',
      '{}',
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
          return (kind === 'new' ? line : oldLine)(`req_${index}`, index);
        });
        expect(idsOfRows(batchOf(lines).batch.toRows(NONE))).toEqual(wanted);
      }),
    );
  });
});
