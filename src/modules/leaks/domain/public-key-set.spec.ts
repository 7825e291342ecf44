import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { isSignedBy, parsePublicKeySet, PublicKeySetError } from './public-key-set.js';

/** What GitHub's documentation has signed with test keys: two keys, each with a body and its signature. */
const KNOWN = [
  {
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUqkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==',
    body: '[{"token":"some_token","type":"some_type","url":"some_url"}]',
    signature:
      'MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=',
  },
  {
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gPHzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==',
    body: '[{"token":"some_token","type":"some_type","url":"some_url","source":"some_source"}]',
    signature:
      'MEUCIFLZzeK++IhS+y276SRk2Pe5LfDrfvTXu6iwKKcFGCrvAiEAhHN2kDOhy2I6eGkOFmxNkOJ+L2y8oQ9A2T9GGJo6WJY=',
  },
];

function pemOfBase64(base64: string): string {
  return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function setOf(...entries: unknown[]): string {
  return JSON.stringify({ public_keys: entries });
}

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const GOOD = { key_identifier: 'one', key: pemOf(p256.publicKey), is_current: true };

function only(pem: string): KeyObject {
  return parsePublicKeySet(setOf({ key_identifier: 'a', key: pem })).get('a') as KeyObject;
}

describe('isSignedBy', () => {
  it.each(KNOWN)('takes what GitHub has signed: $body', ({ key, body, signature }) => {
    const known = only(pemOfBase64(key));
    expect(isSignedBy(known, Buffer.from(body), signature)).toBe(true);
    for (const changed of [`${body} `, ` ${body}`, `${body}\n`, body.slice(1), '']) {
      expect(isSignedBy(known, Buffer.from(changed), signature)).toBe(false);
    }
    for (const other of KNOWN.filter((one) => one.key !== key)) {
      expect(isSignedBy(only(pemOfBase64(other.key)), Buffer.from(body), signature)).toBe(false);
    }
  });

  const body = Buffer.from('body');
  const der = sign('sha256', body, p256.privateKey);
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const raw = sign('sha256', body, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' });

  it.each([
    ['nothing', ''],
    ['no base64', 'héllo wörld'],
    ['base64url', der.toString('base64').replaceAll('+', '-').replaceAll('/', '_') + '-_'],
    ['a signature in two parts', `${der.toString('base64')},${der.toString('base64')}`],
    ['a signature that goes on', Buffer.concat([der, Buffer.alloc(1)]).toString('base64')],
    ['a signature that ends early', der.subarray(0, -1).toString('base64')],
    ['another hash', sign('sha512', body, p256.privateKey).toString('base64')],
    ['another curve', sign('sha256', body, p384.privateKey).toString('base64')],
    ['a raw signature', raw.toString('base64')],
    ['zeros', Buffer.from('3006020100020100', 'hex').toString('base64')],
    ['a great deal', 'A'.repeat(100_000)],
  ])('refuses %s', (_, signature) => {
    expect(isSignedBy(p256.publicKey, body, signature)).toBe(false);
  });

  it('takes the same signature as OpenSSL prints it', () => {
    expect(isSignedBy(p256.publicKey, body, der.toString('base64'))).toBe(true);
  });
});

describe('parsePublicKeySet', () => {
  it('takes several keys, also those that are not current, with fields it does not know', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const old = { key_identifier: 'two', key: `\n${pemOf(other)}`, is_current: false, since: 1 };
    const set = parsePublicKeySet(setOf(GOOD, old));
    expect([...set.keys()]).toEqual(['one', 'two']);
    expect(set.get('two')?.equals(other)).toBe(true);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const privatePem = p256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  it.each([
    ['no JSON', 'secret{'],
    ['no object', 'null'],
    ['an array', '[]'],
    ['no keys', '{}'],
    ['keys that are none', '{"public_keys":"x"}'],
    ['none at all', setOf()],
    [
      'too many',
      setOf(...Array.from({ length: 101 }, (_, at) => ({ ...GOOD, key_identifier: `${at}` }))),
    ],
    ['null among them', setOf(null)],
    ['a key without a name', setOf({ key: GOOD.key })],
    ['an empty name', setOf({ ...GOOD, key_identifier: '' })],
    ['a name that no header can carry', setOf({ ...GOOD, key_identifier: 'a b' })],
    ['a name twice', setOf(GOOD, GOOD)],
    ['a name without a key', setOf({ key_identifier: 'a' })],
    ['a key that is none', setOf({ ...GOOD, key: pemOfBase64('secret') })],
    ['a private key', setOf({ ...GOOD, key: privatePem })],
    ['an RSA key', setOf({ ...GOOD, key: pemOf(rsa) })],
    ...['P-384', 'secp256k1'].map((namedCurve) => [
      `a key of ${namedCurve}`,
      setOf({ ...GOOD, key: pemOf(generateKeyPairSync('ec', { namedCurve }).publicKey) }),
    ]),
  ] as [string, string][])('refuses %s, and quotes nothing', (_, text) => {
    let error: unknown;
    try {
      parsePublicKeySet(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PublicKeySetError);
    expect((error as Error).message).not.toMatch(/secret|BEGIN|MFk|MII/);
    expect((error as Error).cause).toBeUndefined();
  });
});
