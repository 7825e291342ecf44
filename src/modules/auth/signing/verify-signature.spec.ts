import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { signatureBase } from './signature-base.js';
import { readSignature } from './signature-headers.js';
import { verifySignature } from './verify-signature.js';

const NOW = 1_700_000_000_500;
const CREATED = 1_700_000_000;
const KEY_ID = 'key_1';
const KEY = createSecretKey('lsig_secret', 'utf8');
const DIGEST = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:';
const COVERED = '("@method" "@authority" "@path" "@query")';
const PARAMETERS = `;created=${CREATED};nonce="0123456789abcdef";keyid="${KEY_ID}";alg="hmac-sha256"`;

type Sent = {
  readonly method?: string;
  readonly url?: string;
  readonly rawHeaders?: readonly string[];
};

function message({ method = 'GET', url = '/v1/keys', rawHeaders = [] }: Sent): IncomingMessage {
  const all = ['Host', 'api.example.com', ...rawHeaders];
  const named = Array.from({ length: all.length / 2 }, (_, at) => [
    all[2 * at]?.toLowerCase(),
    all[2 * at + 1],
  ]);
  const headers = Object.fromEntries(named) as Record<string, string>;
  return { method, url, headers, rawHeaders: all } as unknown as IncomingMessage;
}

/** With a right signature over whatever it says that it covers. */
function signed(sent: Sent, params = COVERED + PARAMETERS, key: KeyObject = KEY): IncomingMessage {
  const input = ['Signature-Input', `sig1=${params}`];
  const rawHeaders = [...(sent.rawHeaders ?? []), ...input, 'Signature', 'sig1=:AA==:'];
  const unsigned = message({ ...sent, rawHeaders });
  const base = signatureBase(unsigned, false, readSignature(unsigned));
  const value = createHmac('sha256', key).update(base, 'latin1').digest('base64');
  return message({ ...sent, rawHeaders: [...rawHeaders.slice(0, -1), `sig1=:${value}:`] });
}

type Rules = Parameters<typeof verifySignature>[1]['rules'];
const RULES: Rules = { key: KEY, maxAgeMs: 300_000, requiresNonce: true };

function verify(request: IncomingMessage, rules: Partial<Rules> = {}, now = NOW) {
  const signer = { keyId: KEY_ID, rules: { ...RULES, ...rules } };
  return verifySignature(request, signer, { now, isHttps: false });
}

function refusal(request: IncomingMessage, rules: Partial<Rules> = {}, now = NOW) {
  try {
    verify(request, rules, now);
  } catch (error) {
    const { code, param } = error as AppError;
    return [code, param];
  }
  return null;
}

describe('the signature base', () => {
  it('is that of RFC 9421, appendix B.2.5', () => {
    const params =
      '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"';
    const request = message({
      method: 'POST',
      url: '/foo?param=Value&Pet=dog',
      rawHeaders: [
        'Date',
        'Tue, 20 Apr 2021 02:07:55 GMT',
        'Content-Type',
        'application/json',
        'Signature-Input',
        `sig1=${params}`,
        'Signature',
        'sig1=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
      ],
    });
    request.rawHeaders[1] = 'example.com';
    const signature = readSignature(request);
    const key = Buffer.from(
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
      'base64',
    );
    const base = signatureBase(request, false, signature);
    expect(createHmac('sha256', key).update(base).digest()).toEqual(signature.value);
  });

  it.each([
    ['API.Example.com', false, 'api.example.com'],
    ['api.example.com:80', false, 'api.example.com'],
    ['api.example.com:443', true, 'api.example.com'],
    ['api.example.com:443', false, 'api.example.com:443'],
    ['[::1]:8080', true, '[::1]:8080'],
  ])('has the authority of %s (https: %s) as %s', (host, isHttps, expected) => {
    const request = message({});
    request.rawHeaders[1] = host;
    const signature = { components: new Set(['@authority']), paramsText: '' };
    expect(signatureBase(request, isHttps, signature)).toContain(`"@authority": ${expected}\n`);
  });

  it.each([
    ['/v1/keys', '/v1/keys', '?'],
    ['/v1/keys?', '/v1/keys', '?'],
    ['/v1/k%65ys?a=%20+b', '/v1/k%65ys', '?a=%20+b'],
    ['//v1//keys?a?b', '//v1//keys', '?a?b'],
  ])('has the target %s as it was sent', (url, path, query) => {
    const signature = { components: new Set(['@path', '@query']), paramsText: 'p' };
    expect(signatureBase(message({ url }), false, signature)).toBe(
      `"@path": ${path}\n"@query": ${query}\n"@signature-params": p`,
    );
  });

  it('joins the values of a field that was sent more than once', () => {
    const rawHeaders = ['X-Tag', 'a', 'x-other', 'o', 'x-tag', 'b'];
    const signature = { components: new Set(['x-tag']), paramsText: 'p' };
    expect(signatureBase(message({ rawHeaders }), false, signature)).toContain('"x-tag": a, b\n');
  });
});

describe('a signature', () => {
  it('is taken, and says its nonce and the digest of the body', () => {
    const covered = COVERED.replace(')', ' "content-digest")');
    const rawHeaders = ['Content-Digest', DIGEST, 'Content-Length', '18'];
    const request = signed({ method: 'POST', rawHeaders }, covered + PARAMETERS);
    expect(verify(request)).toEqual({
      nonce: '0123456789abcdef',
      bodyDigest: Buffer.from(DIGEST.slice('sha-256=:'.length, -1), 'base64'),
    });
    expect(verify(signed({}))).toEqual({ nonce: '0123456789abcdef', bodyDigest: null });
  });

  it('is missed where there is none', () => {
    expect(refusal(message({}))).toEqual(['signature_required', null]);
  });

  it('is refused where its secret is lost', () => {
    expect(refusal(signed({}), { key: null })).toEqual(['signature_invalid', 'The signing secret']);
  });

  // The clock stands half a second after `created`.
  it.each([
    [300, null],
    [-299, null],
    [299.5, null],
    [301, 'timestamp_out_of_range'],
    [-301, 'timestamp_out_of_range'],
  ])('made %d s ago, of at most 300', (seconds, code) => {
    const now = CREATED * 1_000 + seconds * 1_000;
    expect(refusal(signed({}), {}, now)?.[0] ?? null).toBe(code);
    // Where no time is needed nothing is read from it.
    expect(refusal(signed({}), { maxAgeMs: null }, now)).toBeNull();
  });

  it.each([
    [CREATED + 1, null],
    [CREATED, 'timestamp_out_of_range'],
  ])('that expires at %d', (expires, code) => {
    const request = signed({}, `${COVERED};expires=${expires}${PARAMETERS}`);
    expect(refusal(request)?.[0] ?? null).toBe(code);
    expect(refusal(request, { maxAgeMs: null })?.[0] ?? null).toBe(code);
  });

  const without = (part: RegExp): string => (COVERED + PARAMETERS).replace(part, '');
  it.each([
    ['without the method', without(/"@method" /), 'Signature-Input'],
    ['without the authority', without(/"@authority" /), 'Signature-Input'],
    ['without the path', without(/"@path" /), 'Signature-Input'],
    ['without the query', without(/ "@query"/), 'Signature-Input'],
    ['without created', without(/;created=\d+/), 'created'],
    [
      'with a fraction of a second',
      (COVERED + PARAMETERS).replace(/(created=\d+)/, '$1.5'),
      'created',
    ],
    [
      'with a text for created',
      (COVERED + PARAMETERS).replace(/created=(\d+)/, 'created="$1"'),
      'created',
    ],
    ['without nonce', without(/;nonce="\w+"/), 'nonce'],
    ['with a short nonce', without(/(?<=nonce=")0/), 'nonce'],
    [
      'with a nonce of bytes',
      (COVERED + PARAMETERS).replace(/nonce="\w+"/, 'nonce=:AAAA:'),
      'nonce',
    ],
    ['without keyid', without(/;keyid="\w+"/), 'keyid'],
    ['of another key', (COVERED + PARAMETERS).replace('key_1', 'key_2'), 'keyid'],
    ['without alg', without(/;alg="[\w-]+"/), 'alg'],
    ['of another algorithm', (COVERED + PARAMETERS).replace('hmac-sha256', 'ed25519'), 'alg'],
    [
      'of a token for an algorithm',
      (COVERED + PARAMETERS).replace('"hmac-sha256"', 'hmac-sha256'),
      'alg',
    ],
  ])('%s is refused although it is right', (_, params, param) => {
    expect(refusal(signed({}, params))).toEqual(['signature_invalid', param]);
  });

  it.each([
    ['without the digest of a body', ['Content-Length', '18'], COVERED],
    ['without the digest of a chunked body', ['Transfer-Encoding', 'chunked'], COVERED],
  ])('%s is refused', (_, rawHeaders, covered) => {
    const request = signed({ method: 'POST', rawHeaders }, covered + PARAMETERS);
    expect(refusal(request)).toEqual(['signature_invalid', 'Signature-Input']);
  });

  it.each(['sha-512=:AAAA:', 'sha-256=:AAAA:', 'sha-256', 'sha-256=AAAA', 'nonsense,,'])(
    'over the digest %s is refused',
    (digest) => {
      const covered = COVERED.replace(')', ' "content-digest")');
      const request = signed({ rawHeaders: ['Content-Digest', digest] }, covered + PARAMETERS);
      expect(refusal(request)).toEqual(['signature_invalid', 'Content-Digest']);
    },
  );

  it.each([
    ['@target-uri', COVERED.replace(')', ' "@target-uri")')],
    ['a field that was not sent', COVERED.replace(')', ' "x-tag")')],
    ['a parameter of a component', COVERED.replace('"@query"', '"@query";req')],
    ['a component twice', COVERED.replace(')', ' "@path")')],
    ['a token', COVERED.replace(')', ' path)')],
  ])('that covers %s is refused', (_, covered) => {
    const good = signed({});
    const at = good.rawHeaders.indexOf('Signature-Input') + 1;
    good.rawHeaders[at] = `sig1=${covered}${PARAMETERS}`;
    expect(refusal(good)).toEqual(['signature_invalid', 'Signature-Input']);
  });

  const input = `sig1=${COVERED}${PARAMETERS}`;
  it.each([
    ['Signature-Input', ''],
    ['Signature-Input', `sig2=${COVERED}${PARAMETERS}`],
    ['Signature-Input', `${input}, sig2=()`],
    ['Signature-Input', `sig1=(), ${input}`],
    ['Signature-Input', `${input} `],
    ['Signature-Input', input.replace('("@method" ', '( "@method"  ')],
    ['Signature-Input', input.replace(';keyid', '; keyid')],
    ['Signature-Input', `${input};created=1`],
    ['Signature-Input', 'sig1=5'],
    ['Signature-Input', 'sig1=("@method"'],
    ['Signature', 'sig1'],
    ['Signature', 'sig1="text"'],
    ['Signature', 'sig1=:====:'],
    ['Signature', 'sig1=()'],
  ])('whose %s is %j is refused', (name, value) => {
    const request = signed({});
    const at = request.rawHeaders.indexOf(name) + 1;
    request.rawHeaders[at] = value;
    expect(refusal(request)?.[0]).toBe('signature_invalid');
  });

  it.each(['Signature-Input', 'Signature', 'Host'])('is refused with a second %s', (name) => {
    const request = signed({});
    const value = request.rawHeaders[request.rawHeaders.indexOf(name) + 1] as string;
    request.rawHeaders.push(name.toLowerCase(), value);
    expect(refusal(request)).toEqual(['signature_invalid', name]);
  });

  it('is refused for a target that names a host of its own', () => {
    const request = signed({});
    request.url = 'http://api.example.com/v1/keys';
    expect(refusal(request)?.[0]).toBe('signature_invalid');
  });
});
