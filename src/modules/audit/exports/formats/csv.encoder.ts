import { COLUMNS, type ColumnValue } from './columns.js';
import type { ExportEncoder } from './export-encoder.js';

const LINE_END = '\r\n';
/**
 * What a spreadsheet may take for a formula (OWASP ASVS 5.0 1.2.10), full-width signs included. The apostrophe itself is among them,
 * so that one at the start of a field is always ours: whoever takes it off has what was there.
 */
const TAKEN_FOR_A_FORMULA = /^['=+\-@\t\r\n\0＝＋－＠]/u;

/** RFC 4180 with a header. A `null` is an empty field without quotes, an empty text one with them. */
export function csvEncoder(): ExportEncoder {
  return {
    head: () => Buffer.from(COLUMNS.map(([name]) => name).join(',') + LINE_END),
    add: (entry) => [
      Buffer.from(COLUMNS.map(([, of]) => csvField(of(entry))).join(',') + LINE_END),
    ],
    end: () => [],
  };
}

export function csvField(value: ColumnValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = TAKEN_FOR_A_FORMULA.test(value) ? `'${value}` : value;
  return `"${safe.replaceAll('"', '""')}"`;
}
