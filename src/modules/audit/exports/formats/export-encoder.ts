import type { ExportedEntry } from '../../domain/exported-entry.js';

/** Makes a file of entries, some at a time: what it gives, put together, is the file. It keeps back no more than 16 MiB. */
export type ExportEncoder = {
  head(): Uint8Array;
  add(entries: readonly ExportedEntry[]): Uint8Array;
  end(): Uint8Array;
};

export const NOTHING = new Uint8Array(0);
