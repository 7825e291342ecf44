import { type ExportEncoder, NOTHING } from './export-encoder.js';

/** One entry a line. */
export function ndjsonEncoder(): ExportEncoder {
  return {
    head: () => NOTHING,
    add: (entry) => [Buffer.from(`${JSON.stringify(entry)}\n`)],
    end: () => [],
  };
}

/** One array, with an entry a line. */
export function jsonEncoder(): ExportEncoder {
  let separator = '\n';
  return {
    head: () => Buffer.from('['),
    add: (entry) => {
      const text = separator + JSON.stringify(entry);
      separator = ',\n';
      return [Buffer.from(text)];
    },
    end: () => [Buffer.from('\n]\n')],
  };
}
