import { Injectable } from '@nestjs/common';
import { createPrivateKey, type KeyObject } from 'node:crypto';

import { RootKey } from '#platform/crypto/root-key.js';

import {
  type Checkpoint,
  type CheckpointNote,
  formatVerifierKey,
  isSignedBy,
  MalformedNoteError,
  parseCheckpoints,
  parseVerifierKey,
  signCheckpoint,
  type VerifierKey,
} from '../domain/checkpoint-note.js';
import type { StoredCheckpoint } from './checkpoint.repository.js';

const KEY_NAME = 'latchkey.audit';
/** Of an Ed25519 key whose seed follows (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The installation’s own Ed25519 key for checkpoints, which stands in no database. */
@Injectable()
export class CheckpointSigner {
  readonly #privateKey: KeyObject;
  /** In the form of https://c2sp.org/signed-note: what verifies a checkpoint, for everybody to know. */
  readonly publicKey: string;
  readonly verifierKey: VerifierKey;

  constructor(rootKey: RootKey) {
    const der = Buffer.concat([PKCS8_PREFIX, rootKey.derive('audit/checkpoint')]);
    this.#privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    this.publicKey = formatVerifierKey(KEY_NAME, this.#privateKey);
    this.verifierKey = parseVerifierKey(this.publicKey);
  }

  sign(checkpoint: Checkpoint): string {
    return signCheckpoint(checkpoint, { name: KEY_NAME, privateKey: this.#privateKey });
  }
  /** @returns the note of a checkpoint of the table, where it is signed by us and says what its row says; else `null` */
  genuineNoteOf(organizationId: string, stored: StoredCheckpoint): CheckpointNote | null {
    const [note] = readableNotes(stored.note);
    const isGenuine =
      note?.organizationId === organizationId &&
      note.size === stored.size &&
      (note.removedAfter?.size ?? null) === stored.removedAfter &&
      note.rootHash.equals(stored.rootHash) &&
      isSignedBy(note, this.verifierKey);
    return isGenuine ? note : null;
  }
}

function readableNotes(text: string): CheckpointNote[] {
  try {
    return parseCheckpoints(text);
  } catch (error) {
    if (error instanceof MalformedNoteError) return [];
    throw error;
  }
}
