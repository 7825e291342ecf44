import type { ExportedEntry } from '../../domain/exported-entry.js';

/**
 * Makes a file of entries, some at a time: what it gives, put together, is the file. Each piece takes a moment only, so that others get
 * their turn on this thread in between. It keeps back no more than 16 MiB.
 */
export type ExportEncoder = {
  head(): Uint8Array;
  add(entry: ExportedEntry): Iterable<Uint8Array>;
  end(): Iterable<Uint8Array>;
};

export const NOTHING = new Uint8Array(0);
