import { crc32 } from 'node:zlib';

import type { EntryLine } from '../trail/entry-line.js';

const CRC_LENGTH = 8;

/** `<CRC-32 in hexadecimal> <JSON>`, and a newline. */
export function writeLine(entry: EntryLine): Buffer {
  const json = JSON.stringify(entry);
  return Buffer.from(`${checksum(json)} ${json}\n`);
}

/** `null` for what is no whole line. */
export function readLine(line: string): EntryLine | null {
  const json = line.slice(CRC_LENGTH + 1);
  if (line[CRC_LENGTH] !== ' ' || line.slice(0, CRC_LENGTH) !== checksum(json)) return null;
  return JSON.parse(json) as EntryLine;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CRC_LENGTH, '0');
}
