import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { parseCheckpoints, parseVerifierKey } from '../domain/checkpoint-note.js';
import type { ExportedEntry } from '../domain/exported-entry.js';
import { type ExportVerification, ExportVerifier } from './verify-export.js';

export type FilesToVerify = {
  /** Path of an export, NDJSON or JSON with an entry a line. */
  readonly export: string;
  /** Path of checkpoints, one after the other. */
  readonly checkpoints: string;
  readonly publicKey?: string;
  /** The export is of a period or of a key: what stands before, between and after is not missed. */
  readonly part?: boolean;
};

export type FileReport = { readonly isValid: boolean; readonly text: string };

/**
 * Without a database and without a secret, a line at a time.
 * @throws {Error} when a file can't be read or holds something else
 */
export async function verifyFiles(files: FilesToVerify): Promise<FileReport> {
  const notes = parseCheckpoints(await readFile(files.checkpoints, 'utf8'));
  const key = files.publicKey === undefined ? null : parseVerifierKey(files.publicKey);
  const verifier = new ExportVerifier(notes, key, files.part === true);
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(files.export) })) {
    number++;
    const text = line.trim().replace(/,$/, '');
    if (text === '' || text === '[' || text === ']') continue;
    verifier.take(entryOf(text, number));
  }
  const verification = verifier.end();
  return {
    isValid: verification.firstInvalid === null && isBound(verification),
    text: reportOf(verification, files),
  };
}

function entryOf(text: string, line: number): ExportedEntry {
  const entry = JSON.parse(text) as Partial<ExportedEntry> | null;
  if (typeof entry?.id === 'string' && typeof entry.personal_commitments === 'object') {
    return entry as ExportedEntry;
  }
  throw new Error(`Line ${line} of the export is no entry of an audit log.`);
}

/** Who makes up a log makes up its hashes as well: without a checkpoint it proves nothing. */
function isBound({ entries, bound }: ExportVerification): boolean {
  return entries === 0 || bound > 0;
}

function reportOf(verification: ExportVerification, files: FilesToVerify): string {
  const { firstInvalid, range, entries, unsealed, gaps, removed, bound, isFromBeginning } =
    verification;
  const [first, last] = range ?? [0, 0];
  const lines = [
    firstInvalid
      ? `INVALID: ${firstInvalid.reason} at ${firstInvalid.sequence ?? 'no place'}${firstInvalid.id === null ? '' : ` (${firstInvalid.id})`}`
      : null,
    range ? `${entries} entries were verified, from ${first} to ${last}.` : 'No sealed entry.',
    range && !isFromBeginning
      ? 'What stands before the first is not in the export, so its link to that was not checked.'
      : null,
    counted(removed, 'more had been removed when their time was over, as checkpoints say.'),
    counted(gaps, 'entries between them are not in the export.'),
    counted(unsealed, 'entries were not sealed yet: nothing vouches for them.'),
    `Checkpoints vouch for ${bound} of them.${bound > 0 ? '' : ' So nothing proves that this is the log.'}`,
    files.publicKey === undefined
      ? 'Signatures of checkpoints were not checked: give --public-key.'
      : null,
  ];
  return lines.filter((line) => line !== null).join('\n');
}

function counted(count: number, what: string): string | null {
  return count > 0 ? `${count} ${what}` : null;
}
