import { createHash, createHmac, randomBytes } from 'node:crypto';

/** A key that must sign, as the answer that made it has it. */
export type SigningKey = {
  readonly id: string;
  readonly key: string;
  readonly signing_secret: string;
};

export type Unsigned = {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
};

/** What differs from an ordinary signature; `null`: is left out. */
export type SignOptions = {
  /** Unix seconds. */
  readonly created?: number | null;
  readonly nonce?: string | null;
  readonly alg?: string | null;
  readonly keyid?: string | null;
  readonly expires?: number;
  readonly components?: readonly string[];
  /** Header fields that are covered besides. */
  readonly fields?: Readonly<Record<string, string>>;
};

/** The headers that sign a request, written after docs/signing.md and not after the code that verifies it. */
export function signedHeaders(
  { id, key, signing_secret: secret }: SigningKey,
  { method, url, body }: Unsigned,
  options: SignOptions = {},
): Record<string, string> {
  const { host, pathname, search } = new URL(url);
  const fields: Record<string, string> = {
    ...options.fields,
    ...(body !== undefined && {
      'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`,
    }),
  };
  const values: Record<string, string> = {
    '@method': method,
    '@authority': host,
    '@path': pathname,
    '@query': search || '?',
    ...fields,
  };
  const names = options.components ?? Object.keys(values);
  const params = `(${names.map((name) => `"${name}"`).join(' ')})${parameters(id, options)}`;
  const lines = names.map((name) => `"${name}": ${values[name] ?? ''}\n`).join('');
  const base = `${lines}"@signature-params": ${params}`;
  return {
    authorization: `Bearer ${key}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...fields,
    'signature-input': `sig1=${params}`,
    signature: `sig1=:${createHmac('sha256', secret).update(base).digest('base64')}:`,
  };
}

function parameters(id: string, options: SignOptions): string {
  const {
    created = Math.floor(Date.now() / 1_000),
    nonce = randomBytes(16).toString('hex'),
    alg = 'hmac-sha256',
    keyid = id,
    expires,
  } = options;
  return [
    created === null ? '' : `;created=${created}`,
    expires === undefined ? '' : `;expires=${expires}`,
    nonce === null ? '' : `;nonce="${nonce}"`,
    alg === null ? '' : `;alg="${alg}"`,
    keyid === null ? '' : `;keyid="${keyid}"`,
  ].join('');
}
