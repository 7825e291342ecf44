import { createHash } from 'node:crypto';

/** Tell what is hashed apart, so that no entry can be passed off as a link of the chain (as RFC 9162 §2.1.1 does). */
const LEAF = Buffer.from([0x00]);
const LINK = Buffer.from([0x01]);

/** How far a chain goes: so many entries, and the hash over them all. */
export type ChainHead = { readonly size: number; readonly hash: Buffer };

/** Of a chain without entries. No two organizations begin with the same hash, so entries of one prove nothing in another. */
export function genesisOf(organizationId: string): ChainHead {
  const hash = createHash('sha256').update(`latchkey/audit-chain/v1\n${organizationId}\n`).digest();
  return { size: 0, hash };
}

/** SHA-256(0x00 ‖ text): of one entry by itself. @param text its canonical text */
export function leafHashOf(text: string): Buffer {
  return createHash('sha256').update(LEAF).update(text).digest();
}

/** SHA-256(0x01 ‖ hash of the one before ‖ sequence as 8 bytes, big-endian ‖ leaf hash): of all entries up to this one. */
export function linkHashOf(previous: Buffer, sequence: number, leafHash: Buffer): Buffer {
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(sequence));
  return createHash('sha256').update(LINK).update(previous).update(place).update(leafHash).digest();
}
