/**
 * Checkpoints as signed notes: https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note, with the head of a hash chain in
 * the place of a Merkle tree's root.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

import { type ChainHead, genesisOf } from './chain.js';

const ORIGIN_PREFIX = 'latchkey.audit/';
/** An extension line: the entries behind this size and hash, up to the checkpoint's own, were removed, since their time was over. */
const REMOVED_LINE = /^removed-after (0|[1-9]\d{0,14}) ([A-Za-z0-9+/]{43}=)$/;
/** The same of all entries from the very first on, in a form that is read and no longer written. */
const CUT_LINE = 'removed-up-to-here';
/** No other line may look as if it told of a removal. */
const REMOVAL_PREFIX = 'removed-';
const ED25519 = Buffer.from([0x01]);
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const HASH_BYTES = 32;
const KEY_HASH_BYTES = 4;
const MAX_SIZE = /^(?:0|[1-9]\d{0,14})$/;
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/;
const VERIFIER_KEY = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/;

/** What a checkpoint says: so many entries has the chain, with this hash over them. */
export type Checkpoint = {
  readonly organizationId: string;
  readonly size: number;
  readonly rootHash: Buffer;
  /** Of a cut: what the chain was before the entries that were removed, all up to this checkpoint. `null`: it is none. */
  readonly removedAfter: ChainHead | null;
};

type NoteSignature = {
  readonly name: string;
  readonly keyHash: Buffer;
  readonly signature: Buffer;
};

export type CheckpointNote = Checkpoint & {
  /** What is signed, its last newline included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
};

/** Who can have signed a note. */
export type VerifierKey = {
  readonly name: string;
  readonly keyHash: Buffer;
  readonly key: KeyObject;
};

/** The file or the text is not what it should be; the message says where. */
export class MalformedNoteError extends Error {
  override readonly name = 'MalformedNoteError';
}

export function signCheckpoint(
  checkpoint: Checkpoint,
  by: { readonly name: string; readonly privateKey: KeyObject },
): string {
  const text = textOf(checkpoint);
  const publicKey = rawPublicKey(createPublicKey(by.privateKey));
  const signature = sign(null, Buffer.from(text), by.privateKey);
  const blob = Buffer.concat([keyHashOf(by.name, publicKey), signature]).toString('base64');
  return `${text}\n— ${by.name} ${blob}\n`;
}

/** Whether one of its signatures is of this key. */
export function isSignedBy(note: CheckpointNote, { name, keyHash, key }: VerifierKey): boolean {
  return note.signatures.some(
    (one) =>
      one.name === name &&
      one.keyHash.equals(keyHash) &&
      verify(null, Buffer.from(note.text), key, one.signature),
  );
}

/** `<name>+<key hash in hex>+<base64 of 0x01 and the key>`. @param key Ed25519, private or public */
export function formatVerifierKey(name: string, key: KeyObject): string {
  const publicKey = rawPublicKey(key.type === 'private' ? createPublicKey(key) : key);
  const encoded = Buffer.concat([ED25519, publicKey]).toString('base64');
  return `${name}+${keyHashOf(name, publicKey).toString('hex')}+${encoded}`;
}

/** @throws {MalformedNoteError} when it is not one of Ed25519 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = '', hash = '', encoded = ''] = VERIFIER_KEY.exec(text.trim()) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  const publicKey = bytes.subarray(1);
  const keyHash = keyHashOf(name, publicKey);
  const isOurs = bytes[0] === ED25519[0] && publicKey.length === 32;
  if (!isOurs || keyHash.toString('hex') !== hash) {
    throw new MalformedNoteError('The public key is not of the form name+hash+key, with Ed25519.');
  }
  const der = Buffer.concat([SPKI_PREFIX, publicKey]);
  return { name, keyHash, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/**
 * All notes of a text that has them one after the other, empty lines between them or not.
 * @throws {MalformedNoteError}
 */
export function parseCheckpoints(text: string): CheckpointNote[] {
  const lines = text.split(/\r?\n/);
  const notes: CheckpointNote[] = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at] === '') {
      at++;
      continue;
    }
    const blank = lines.indexOf('', at);
    let end = blank + 1;
    while (blank >= 0 && lines[end]?.startsWith('— ')) end++;
    if (blank < 0 || end === blank + 1) {
      throw new MalformedNoteError(`Line ${at + 1} begins a checkpoint without a signature.`);
    }
    notes.push(noteOf(lines.slice(at, blank), lines.slice(blank + 1, end), at + 1));
    at = end;
  }
  return notes;
}

function noteOf(body: string[], signed: string[], line: number): CheckpointNote {
  const [origin = '', size = '', root = '', ...extensions] = body;
  const rootHash = Buffer.from(root, 'base64');
  const isSound =
    origin.startsWith(ORIGIN_PREFIX) &&
    MAX_SIZE.test(size) &&
    rootHash.length === HASH_BYTES &&
    rootHash.toString('base64') === root;
  if (!isSound) throw new MalformedNoteError(`Line ${line} begins no checkpoint of an audit log.`);
  const organizationId = origin.slice(ORIGIN_PREFIX.length);
  const removedAfter = removalOf(organizationId, extensions, line);
  if (removedAfter && removedAfter.size >= Number(size)) throw malformedRemoval(line);
  return {
    organizationId,
    size: Number(size),
    rootHash,
    removedAfter,
    text: body.map((one) => `${one}\n`).join(''),
    signatures: signed.map((one) => signatureOf(one, line)),
  };
}

function removalOf(organizationId: string, extensions: string[], at: number): ChainHead | null {
  const [removal, another] = extensions.filter((one) => one.startsWith(REMOVAL_PREFIX));
  if (removal === undefined) return null;
  if (removal === CUT_LINE && another === undefined) return genesisOf(organizationId);
  const [, size = '', hash = ''] = REMOVED_LINE.exec(removal) ?? [];
  if (size === '' || another !== undefined) throw malformedRemoval(at);
  return { size: Number(size), hash: Buffer.from(hash, 'base64') };
}

function malformedRemoval(at: number): MalformedNoteError {
  return new MalformedNoteError(`The checkpoint at line ${at} tells of a removal that can't be.`);
}

function signatureOf(line: string, at: number): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length <= KEY_HASH_BYTES) {
    throw new MalformedNoteError(`A signature of the checkpoint at line ${at} is malformed.`);
  }
  return {
    name,
    keyHash: bytes.subarray(0, KEY_HASH_BYTES),
    signature: bytes.subarray(KEY_HASH_BYTES),
  };
}

function textOf({ organizationId, size, rootHash, removedAfter }: Checkpoint): string {
  const head = `${ORIGIN_PREFIX}${organizationId}\n${size}\n${rootHash.toString('base64')}\n`;
  if (removedAfter === null) return head;
  return `${head}removed-after ${removedAfter.size} ${removedAfter.hash.toString('base64')}\n`;
}

function keyHashOf(name: string, publicKey: Buffer): Buffer {
  const hash = createHash('sha256').update(`${name}\n`).update(ED25519).update(publicKey).digest();
  return hash.subarray(0, KEY_HASH_BYTES);
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
}
