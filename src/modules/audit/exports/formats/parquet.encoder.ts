import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';

import { COLUMNS } from './columns.js';
import { type ExportEncoder, NOTHING } from './export-encoder.js';

/**
 * What is known of each row group is kept until the end of the file. So that this stays small, the groups grow with the file: a million
 * entries have some 800 of them.
 */
const LEAST_ROWS = 1_000;
const MOST_ROWS = 8_192;
const SHARE_OF_ALL = 500;
const GROUP_CHARACTERS = 8 * 1024 * 1024;
const INTEGERS: ReadonlySet<string> = new Set(['sequence']);
const TIMES: ReadonlySet<string> = new Set(['timestamp']);

type Cell = string | bigint | Date | null;

/** Apache Parquet with Snappy. `timestamp` is a time in UTC to the millisecond, `sequence` a whole number, the rest is text. */
export function parquetEncoder(): ExportEncoder {
  const bytes = new ByteWriter();
  const file = new ParquetWriter({ writer: bytes, schema: SCHEMA, statistics: false });
  let group = new Group();
  let written = 0;
  const write = (): Iterable<Uint8Array> => {
    const full = group;
    written += full.rows;
    group = new Group();
    return piecesOf(full, file, bytes);
  };
  return {
    head: () => taken(bytes),
    add: (entry) => {
      group.add(COLUMNS.map(([name, of]) => cellOf(name, of(entry))));
      const most = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, written / SHARE_OF_ALL));
      return group.rows >= most || group.characters >= GROUP_CHARACTERS ? write() : [];
    },
    end: function* () {
      yield* write();
      void file.finish();
      yield taken(bytes);
    },
  };
}

/** Rows that wait to be written, by columns. */
class Group {
  readonly columns: Cell[][] = COLUMNS.map(() => []);
  rows = 0;
  characters = 0;

  add(cells: readonly Cell[]): void {
    this.rows++;
    for (const [at, cell] of cells.entries()) {
      this.columns[at]?.push(cell);
      if (typeof cell === 'string') this.characters += cell.length;
    }
  }
}

/**
 * A row group, a column at a time. The writer knows whole groups only and does not pause within one: it is given each column as a group of
 * its own, and what it has noted of these is then put together. Their bytes stand one behind the other, as those of one group do.
 */
function* piecesOf(
  { columns, rows }: Group,
  file: ParquetWriter,
  bytes: ByteWriter,
): Generator<Uint8Array> {
  if (rows === 0) return;
  for (const [at, [name]] of COLUMNS.entries()) {
    const column = { name, data: columns[at] ?? [], offsetIndex: false };
    // The writer is in memory, so there is nothing to wait for.
    void file.write({ columnData: [column], rowGroupSize: rows });
    yield taken(bytes);
  }
  const parts = file.row_groups.splice(-COLUMNS.length);
  const sum = (of: (part: (typeof parts)[number]) => bigint | undefined): bigint =>
    parts.reduce((total, part) => total + (of(part) ?? 0n), 0n);
  file.row_groups.push({
    columns: parts.flatMap((part) => part.columns),
    total_byte_size: sum((part) => part.total_byte_size),
    total_compressed_size: sum((part) => part.total_compressed_size),
    num_rows: BigInt(rows),
  });
  file.num_rows -= BigInt(rows * (COLUMNS.length - 1));
  // Indexes of pages, of which there are none.
  file.pendingIndexes.length = 0;
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

function cellOf(name: string, value: string | number | null): Cell {
  if (value === null) return null;
  if (TIMES.has(name)) return new Date(value);
  return typeof value === 'number' ? BigInt(value) : value;
}

/** What was written since; the writer goes on counting where it is in the file. */
function taken(writer: ByteWriter): Uint8Array {
  if (writer.index === 0) return NOTHING;
  const bytes = Buffer.from(writer.getBytes());
  writer.index = 0;
  return bytes;
}
