import { crc32 } from 'node:zlib';

import type { Environment } from '#common/auth/principal.js';
import { randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 26;
const CHECKSUM_LENGTH = 6;
/** What nobody can guess of a key, and its checksum: all that stands behind the last hyphen. */
export const RANDOM_PART_LENGTH = RANDOM_LENGTH + CHECKSUM_LENGTH;
const BODY = /^[0-9A-Za-z]{32}$/;

/** What of a secret may be shown: `pr-live-` and its last four characters. */
export type VisibleParts = { readonly prefix: string; readonly lastFour: string };

/** `live` for production, `test` for every other environment. */
export function environmentSegment(environment: Environment): 'live' | 'test' {
  return environment === 'production' ? 'live' : 'test';
}

/**
 * A new secret `<brand>-<env>-<32 base62>`: 26 random characters (154.8 bits), then the checksum. The checksum lets a
 * typo or a scanner's false hit be told apart offline; it proves nothing (GitHub's token format, 2021).
 */
export function generateKeySecret(brand: string, environment: Environment): Secret {
  const unchecked = `${brand}-${environmentSegment(environment)}-${randomBase62(RANDOM_LENGTH)}`;
  return new Secret(withChecksum(unchecked));
}

/** A key of all that stands before its checksum. */
export function withChecksum(unchecked: string): string {
  return unchecked + checksum(unchecked);
}

/** Whether `text` can be a key of this brand at all. Costs no look-up, and says nothing on whether the key exists. */
export function isWellFormedKey(text: string, brand: string): boolean {
  const head = brand.length + '-live-'.length;
  if (text.length !== head + RANDOM_PART_LENGTH || !text.startsWith(brand)) return false;
  const environment = text.slice(brand.length, head);
  if (environment !== '-live-' && environment !== '-test-') return false;
  if (!BODY.test(text.slice(head))) return false;
  const unchecked = text.slice(0, -CHECKSUM_LENGTH);
  return text.endsWith(checksum(unchecked));
}

export function visibleParts(secret: Secret): VisibleParts {
  const text = secret.reveal();
  return { prefix: text.slice(0, text.lastIndexOf('-') + 1), lastFour: text.slice(-4) };
}

/** CRC-32 (IEEE) of the ASCII text in base62, left-padded with `0` to six characters. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
