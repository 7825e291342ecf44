import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export type Signer = (body: string) => Readonly<Record<string, string>>;

/** Somebody who may report leaked keys: a key pair, and what an installation has to know of it. */
export type LeakReporter = {
  /** What `LATCHKEY_LEAK_PUBLIC_KEYS` takes. */
  readonly keySet: string;
  /** The headers of a signed report, in the form for one's own scanners. */
  readonly headers: Signer;
  /** The same as GitHub sends them. */
  readonly githubHeaders: Signer;
};

export function newLeakReporter(identifier = 'scanner-1', curve = 'P-256'): LeakReporter {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const headersAs = (prefix: string) => (body: string) => ({
    'content-type': 'application/json',
    [`${prefix}-public-key-identifier`]: identifier,
    [`${prefix}-public-key-signature`]: signatureOf(body, privateKey),
  });
  return {
    keySet: JSON.stringify({
      public_keys: [{ key_identifier: identifier, key: pemOf(publicKey), is_current: true }],
    }),
    headers: headersAs('x-latchkey'),
    githubHeaders: headersAs('github'),
  };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function signatureOf(body: string, key: KeyObject): string {
  return sign('sha256', Buffer.from(body), { key, dsaEncoding: 'der' }).toString('base64');
}
