import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { UnstorableRecordsError } from '../usage.errors.js';
import type { SpoolLine } from './line-batch.js';
import { segmentPath, type SpoolFolder } from './spool-folder.js';
import type { SpoolFault } from './spool-reader.js';
import { readFields } from './usage-line.js';

const REJECTED_FILE = 'rejected.log';
const MODE = 0o600;

/** Keeps what can't be shipped for a person to look at: it may be money. Nothing is ever deleted here. */
export class SpoolSideFiles {
  constructor(private readonly folder: SpoolFolder) {}

  /** Adds the damaged bytes, and a newline, to the segment's `.corrupt` file. */
  async keepCorrupt({ at, bytes }: SpoolFault): Promise<void> {
    const file = segmentPath(this.folder.directory, at.segment).replace(/\.log$/, '.corrupt');
    await appendFile(file, Buffer.concat([bytes, Buffer.from('\n')]), { mode: MODE });
  }

  /** Adds one JSON line: where the record stood, why it was refused, and the record itself by the names of its fields. */
  async keepRejected({ at, fields }: SpoolLine, error: RejectionReason): Promise<void> {
    const { code, message } = error;
    const entry = `${JSON.stringify({ ...at, code, message, record: readFields(fields) })}\n`;
    await appendFile(join(this.folder.directory, REJECTED_FILE), entry, { mode: MODE });
  }
}

export type RejectionReason = Pick<UnstorableRecordsError, 'code' | 'message'>;
