import { randomFillSync } from 'node:crypto';

/** In the order of ASCII. */
export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Bytes at or above this value are thrown away, so that every character is equally likely. */
const UNBIASED_LIMIT = 256 - (256 % BASE62.length);
const ID_LENGTH = 22;

const pool = Buffer.allocUnsafe(4096);
let poolOffset = pool.length;

function nextByte(): number {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const byte = pool[poolOffset] as number;
  // A used byte is wiped: a later heap dump must not tell what was drawn.
  pool[poolOffset++] = 0;
  return byte;
}

const CODES = Buffer.from(BASE62, 'latin1');

/** `length` base62 characters from the CSPRNG: 5.95 bits each. */
export function randomBase62(length: number): string {
  const characters = Buffer.allocUnsafe(length);
  let at = 0;
  while (at < length) {
    const byte = nextByte();
    if (byte < UNBIASED_LIMIT) characters[at++] = CODES[byte % CODES.length] as number;
  }
  const text = characters.toString('latin1');
  characters.fill(0);
  return text;
}

export const ID_PREFIXES = {
  organization: 'org',
  key: 'key',
  secret: 'sec',
  provider: 'prov',
  route: 'rte',
  budget: 'bud',
  creditGrant: 'grant',
  request: 'req',
  instance: 'ins',
  receipt: 'rcp',
  message: 'msg',
  channel: 'ch',
  webhook: 'wh',
  delivery: 'dlv',
  user: 'user',
  team: 'team',
  project: 'project',
  role: 'role',
  invitation: 'inv',
  session: 'ses',
  policy: 'pol',
  serviceAccount: 'sa',
  approval: 'apr',
  auditEntry: 'aud',
  export: 'exp',
} as const;

/** A public identifier such as `key_4fTq…`: 131 bits, so it can't be guessed, but it is no secret. */
export function newId(kind: keyof typeof ID_PREFIXES): string {
  return `${ID_PREFIXES[kind]}_${randomBase62(ID_LENGTH)}`;
}
