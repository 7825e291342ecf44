import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';

import type { ExportedEntry } from '../../domain/exported-entry.js';
import { COLUMNS } from './columns.js';
import { type ExportEncoder, NOTHING } from './export-encoder.js';

/** Encoding a row group takes the whole thread: few rows, so that whatever else it does does not wait long. */
const ROWS_OF_A_GROUP = 1_000;
const GROUP_BYTES = 8 * 1024 * 1024;
const INTEGERS: ReadonlySet<string> = new Set(['sequence']);
const TIMES: ReadonlySet<string> = new Set(['timestamp']);

/** Apache Parquet with Snappy. `timestamp` is a time in UTC to the millisecond, `sequence` a whole number, the rest is text. */
export function parquetEncoder(): ExportEncoder {
  const bytes = new ByteWriter();
  const file = new ParquetWriter({ writer: bytes, schema: SCHEMA, statistics: false });
  let rows: ExportedEntry[] = [];
  let size = 0;
  const writeGroup = (): Uint8Array => {
    if (rows.length === 0) return taken(bytes);
    const group = rows;
    rows = [];
    size = 0;
    const columnData = COLUMNS.map(([name, of]) => ({
      name,
      data: group.map((entry) => cellOf(name, of(entry))),
      offsetIndex: false,
    }));
    // The writer is in memory, so there is nothing to wait for.
    void file.write({ columnData, rowGroupSize: group.length });
    return taken(bytes);
  };
  return {
    head: () => taken(bytes),
    add: (entries) => {
      for (const entry of entries) {
        rows.push(entry);
        size += sizeOf(entry);
      }
      return rows.length >= ROWS_OF_A_GROUP || size >= GROUP_BYTES ? writeGroup() : NOTHING;
    },
    end: () => {
      const last = writeGroup();
      void file.finish();
      return Buffer.concat([last, taken(bytes)]);
    },
  };
}

const SCHEMA: SchemaElement[] = [
  { name: 'entries', num_children: COLUMNS.length },
  ...COLUMNS.map(([name]) => elementOf(name)),
];

function elementOf(name: string): SchemaElement {
  const column = { name, repetition_type: 'OPTIONAL' } as const;
  if (INTEGERS.has(name)) return { ...column, type: 'INT64' };
  if (TIMES.has(name)) return { ...column, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' };
  return { ...column, type: 'BYTE_ARRAY', converted_type: 'UTF8' };
}

function cellOf(name: string, value: string | number | null): string | bigint | Date | null {
  if (value === null) return null;
  if (TIMES.has(name)) return new Date(value);
  return typeof value === 'number' ? BigInt(value) : value;
}

/** What was written since; the writer goes on counting where it is in the file. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = Buffer.from(writer.getBytes());
  writer.index = 0;
  return bytes;
}

/** Nearly all of an entry that is big is in these. */
function sizeOf({ before, after, details, personal }: ExportedEntry): number {
  return JSON.stringify([before, after, details, personal]).length;
}
