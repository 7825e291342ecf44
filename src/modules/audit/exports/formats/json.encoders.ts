import { type ExportEncoder, NOTHING } from './export-encoder.js';

/** One entry a line. */
export function ndjsonEncoder(): ExportEncoder {
  return {
    head: () => NOTHING,
    add: (entries) => Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')),
    end: () => NOTHING,
  };
}

/** One array, with an entry a line. */
export function jsonEncoder(): ExportEncoder {
  let separator = '\n';
  return {
    head: () => Buffer.from('['),
    add: (entries) => {
      let text = '';
      for (const entry of entries) {
        text += separator + JSON.stringify(entry);
        separator = ',\n';
      }
      return Buffer.from(text);
    },
    end: () => Buffer.from('\n]\n'),
  };
}
