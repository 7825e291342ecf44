import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';

import type { ExportedEntry } from '../../domain/exported-entry.js';
import { COLUMNS } from './columns.js';
import { csvField } from './csv.encoder.js';
import { ENCODERS } from './encoders.js';

function entry(at: number, reason: string | null): ExportedEntry {
  return {
    id: `aud_${at}`,
    organization_id: 'org_1',
    timestamp: new Date(Date.UTC(2026, 10, 28) + at).toISOString(),
    event_type: 'export',
    action: 'export.created',
    outcome: 'success',
    actor: { type: 'key', id: 'key_1', key_id: 'key_1', session_id: null },
    user_id: null,
    ip_address: null,
    user_agent: null,
    country: null,
    target: { type: 'export', id: 'exp_1' },
    key_id: null,
    request_id: null,
    reason,
    before: null,
    after: { name: 'a,"b"\n' },
    details: {},
    personal: null,
    salt: null,
    personal_commitments: { ip_address: 'x' },
    sequence: at === 0 ? null : at,
    previous_hash: null,
    hash: null,
  };
}

function fileOf(format: keyof typeof ENCODERS, entries: readonly ExportedEntry[]): Buffer {
  const encoder = ENCODERS[format]();
  const head = encoder.head();
  const chunks = entries.flatMap((one) => [...encoder.add(one)]);
  return Buffer.concat([head, ...chunks, ...encoder.end()]);
}

const ENTRIES = Array.from({ length: 2_345 }, (_, at) => entry(at, at % 2 ? '=1+1' : null));

describe('a file', () => {
  it.each([[0], [1], [2_345]])('of %d entries in JSON and NDJSON has them all', (count) => {
    const entries = ENTRIES.slice(0, count);
    expect(JSON.parse(fileOf('json', entries).toString())).toEqual(entries);
    const lines = fileOf('ndjson', entries).toString().split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(entries);
  });

  it.each([[0], [1], [2_345]])('of %d entries in Parquet is read back the same', async (count) => {
    const entries = ENTRIES.slice(0, count);
    const { buffer, byteOffset, length } = fileOf('parquet', entries);
    const file = buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
    const rows = await parquetReadObjects({ file });
    const columns = entries.map((one) =>
      Object.fromEntries<unknown>(
        COLUMNS.map(([name, of]): [string, unknown] => {
          const value = of(one);
          if (name === 'timestamp') return [name, new Date(String(value))];
          return [name, typeof value === 'number' ? BigInt(value) : value];
        }),
      ),
    );
    expect(rows).toEqual(columns);
  });
});

describe('a field of CSV', () => {
  it('is nothing that a spreadsheet takes for a formula, and can be read back', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('', '=', '+', '-', '@', '\t', '\r', '＝', "'"),
        (text, start) => {
          const field = csvField(start + text);
          expect(field.startsWith('"') && field.endsWith('"')).toBe(true);
          const inside = field.slice(1, -1).replaceAll('""', '"');
          expect(inside).not.toMatch(/^[=+\-@\t\r\n\0＝＋－＠]/u);
          expect(inside.replace(/^'/, '')).toBe(start + text);
        },
      ),
    );
    expect([csvField(null), csvField(''), csvField(-1)]).toEqual(['', '""', '-1']);
  });
});
