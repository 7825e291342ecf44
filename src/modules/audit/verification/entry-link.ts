import { leafHashOf } from '../domain/chain.js';
import { type Finding, findingAt, type Link } from '../domain/chain-verifier.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import type { EntryMac } from '../trail/entry-mac.js';

/** What a sealed entry claims of its place in the chain. @returns a finding for one that this installation has not written so */
export function linkOf(macs: EntryMac, stored: StoredEntry): Link | Finding {
  const { entry, mac, sequence, previousHash, hash } = stored;
  const place = { id: entry.id, sequence: sequence ?? 0 };
  const text = macs.genuineTextOf(entry, mac);
  if (text === null) return findingAt(place, 'mac_mismatch');
  return {
    ...place,
    previousHash: previousHash ?? Buffer.alloc(0),
    hash: hash ?? Buffer.alloc(0),
    leafHash: leafHashOf(text),
  };
}
