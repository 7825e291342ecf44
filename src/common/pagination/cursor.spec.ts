import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { type CursorPosition, decodeCursor, toPage } from './cursor.js';

const rows = (count: number): CursorPosition[] =>
  Array.from({ length: count }, (_, index) => ({
    createdAt: new Date(1_000_000 - index),
    id: `key_${index}`,
  }));
const idOf = ({ id }: CursorPosition): string => id;

describe('toPage', () => {
  it.each([
    [0, 2, [], false],
    [1, 2, ['key_0'], false],
    [2, 2, ['key_0', 'key_1'], false],
    [3, 2, ['key_0', 'key_1'], true],
  ])('of %d rows fetched for a limit of %d', (fetched, limit, data, hasMore) => {
    const page = toPage(rows(fetched), limit, idOf);
    expect([page.data, page.has_more]).toEqual([data, hasMore]);
    expect(page.next_cursor === null).toBe(!hasMore);
  });

  it('names the place of its last row, whatever row that is', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
        fc.stringMatching(/^[A-Za-z0-9_]{1,64}$/),
        (createdAt, id) => {
          const { next_cursor: cursor } = toPage([{ createdAt, id }, ...rows(1)], 1, idOf);
          expect(cursor).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
          expect(decodeCursor(cursor ?? '')).toEqual({ createdAt, id });
        },
      ),
    );
  });
});

describe('decodeCursor', () => {
  it('is nowhere without a cursor', () => {
    expect(decodeCursor(undefined)).toBeNull();
  });

  const encoded = (text: string): string => Buffer.from(text).toString('base64url');
  it.each([
    '',
    'nonsense',
    '!!!',
    encoded('1'),
    encoded('.key'),
    encoded('x.key_1'),
    encoded('-1.key_1'),
    encoded('1.key-1'),
    encoded("1.key'; --"),
    encoded('1.'),
    encoded(`1.${'x'.repeat(65)}`),
    encoded('9999999999999999.key_1'),
    encoded('12345678901234567.key_1'),
    encoded('1.key_1\n'),
  ])('refuses %j', (cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'cursor' }) as AppError,
    );
  });

  it('takes or refuses any text, and throws nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          decodeCursor(text);
        } catch (error) {
          expect((error as AppError).code).toBe('invalid_request');
        }
      }),
    );
  });
});
