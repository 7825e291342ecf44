import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { chooseSeed, seededRandom } from '../../proofs/seeded-random.harness.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type RawRequest, sendRaw } from '../../support/raw-request.js';
import { type SigningKey, signedHeaders } from '../../support/signer.js';

const MUTATIONS = 1_000;
const AT_ONCE = 8;
const HOST = 'gateway.test';
const CHAT = JSON.stringify({ model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] });

let app: TestApp;
let key: SigningKey;
let other: SigningKey;
beforeAll(async () => {
  app = await startTestApp();
  [key, other] = [await signingKey(), await signingKey()];
});
afterAll(() => app.close());

async function signingKey(): Promise<SigningKey> {
  const security = { authentication: { require_signature: true } };
  const body = { name: 'signs', access_level: 'admin', security };
  return (await app.call('POST', '/v1/keys', { body })).body as SigningKey;
}

/** One of each: short way and router, with query and without, body read before the caller is known and after. */
function signedRequest(kind: number): RawRequest {
  const kinds: [method: string, target: string, body?: string][] = [
    ['POST', '/v1/chat/completions', CHAT],
    ['POST', '/v1/chat/completions?a=1&b=%20', CHAT],
    ['GET', '/v1/keys?limit=2'],
    ['GET', '/v1/key'],
    ['PATCH', `/v1/keys/${key.id}`, '{"name":"changed"}'],
    ['POST', '/v1/keys?from=test', '{"name":"made"}'],
  ];
  const [method, target, body] = kinds[kind % kinds.length] as (typeof kinds)[0];
  const unsigned = { method, url: `http://${HOST}${target}`, ...(body !== undefined && { body }) };
  const headers = Object.entries(signedHeaders(key, unsigned));
  return { method, target, headers: [['Host', HOST], ...headers], body: body ?? '' };
}

type Random = () => number;
type Mutation = (request: RawRequest, random: Random) => RawRequest;

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** Another printable character somewhere in `text`. */
function twist(text: string, random: Random): string {
  const at = Math.floor(random() * text.length);
  return `${text.slice(0, at)}${pick([...'abcXYZ0189-_/=.'], random)}${text.slice(at + 1)}`;
}

function withHeader(
  { headers, ...rest }: RawRequest,
  name: string,
  change: (value: string) => string,
): RawRequest {
  const changed = headers.map(([one, value]): [string, string] => [
    one,
    one === name ? change(value) : value,
  ]);
  return { ...rest, headers: changed };
}

const SIGNED_HEADERS = ['signature-input', 'signature', 'content-digest'];
const ofInput =
  (change: (input: string, random: Random) => string): Mutation =>
  (request, random) =>
    withHeader(request, 'signature-input', (input) => change(input, random));

const MUTATORS: Readonly<Record<string, Mutation>> = {
  method: (request, random) => ({
    ...request,
    method: pick(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], random),
  }),
  path: (request, random) => {
    const [path = '', ...query] = request.target.split('?');
    const changed = pick(
      [
        path.replace('/v1', '/openai/v1'),
        path.replace('e', '%65'),
        `${path}/`,
        `/${path}`,
        path.replace('/v1/', '/v1/./'),
        path.toUpperCase(),
        twist(path, random),
      ],
      random,
    );
    return { ...request, target: [changed, ...query].join('?') };
  },
  'whole URL': (request) => ({ ...request, target: `http://${HOST}${request.target}` }),
  query: (request, random) => {
    const [path, query] = request.target.split('?');
    if (query === undefined) return { ...request, target: `${request.target}?x` };
    const changed = pick(['', '?', `?${query}&`, `?${query}#`, `?${twist(query, random)}`], random);
    return { ...request, target: `${path ?? ''}${changed}` };
  },
  body: (request, random) => ({
    ...request,
    body: pick(
      [`${request.body} `, `{}`, request.body.slice(0, -1), twist(request.body, random)],
      random,
    ),
  }),
  authority: (request, random) =>
    withHeader(request, 'Host', () => pick(['gateway.test:81', 'evil.test', '127.0.0.1'], random)),
  'a character of a header': (request, random) =>
    withHeader(request, pick(SIGNED_HEADERS, random), (value) => twist(value, random)),
  'a header is missing': (request, random) => {
    const name = pick(SIGNED_HEADERS, random);
    return { ...request, headers: request.headers.filter(([one]) => one !== name) };
  },
  'a header is doubled': (request, random) => {
    const [name, value] = pick(request.headers, random);
    // What is not signed may be said twice.
    if (name === 'content-type') return request;
    return { ...request, headers: [...request.headers, [name, pick([value, 'x'], random)]] };
  },
  created: ofInput((input, random) =>
    input.replace(/created=\d+/, (text) =>
      pick([`${text}0`, text.replace(/\d$/, (digit) => `${(Number(digit) + 1) % 10}`), ''], random),
    ),
  ),
  nonce: ofInput((input, random) =>
    input.replace(/nonce="(\w+)"/, (_, nonce: string) => `nonce="${twist(nonce, random)}"`),
  ),
  keyid: ofInput((input) => input.replace(key.id, other.id)),
  alg: ofInput((input, random) =>
    input.replace('hmac-sha256', pick(['hmac-sha512', 'none', 'HMAC-SHA256', ''], random)),
  ),
  'a component less': ofInput((input, random) =>
    input.replace(pick(['"@method" ', '"@authority" ', '"@path" ', '"@query"'], random), ''),
  ),
  'components in another order': ofInput((input) =>
    input.replace('"@method" "@authority"', '"@authority" "@method"'),
  ),
  'a parameter more': ofInput((input) => `${input};expires=99999999999`),
  'another label': (request) =>
    ['signature-input', 'signature'].reduce(
      (changed, name) => withHeader(changed, name, (value) => value.replace('sig1', 'sig2')),
      request,
    ),
  'a second label': (request) =>
    ['signature-input', 'signature'].reduce(
      (changed, name) =>
        withHeader(changed, name, (value) => `${value}, ${value.replace('sig1', 'sig2')}`),
      request,
    ),
  'another request’s signature': (request) => {
    const found = signedRequest(3).headers.find(([name]) => name === 'signature')?.[1] ?? '';
    return withHeader(request, 'signature', () => found);
  },
  'another key': (request) => withHeader(request, 'authorization', () => `Bearer ${other.key}`),
  'another key’s signing secret': ({ method, target, body }) => {
    const forged = { ...key, signing_secret: other.signing_secret };
    const unsigned = { method, url: `http://${HOST}${target}`, ...(body !== '' && { body }) };
    const headers = Object.entries(signedHeaders(forged, unsigned));
    return { method, target, body, headers: [['Host', HOST], ...headers] };
  },
};

const KINDS = 6;
const names = Object.keys(MUTATORS);

/** Request and mutation of each try; where a mutation has changed nothing it is drawn again. */
function mutated(index: number, random: Random): { name: string; request: RawRequest } {
  for (;;) {
    const original = signedRequest(index);
    const name = pick(names, random);
    const request = MUTATORS[name]?.(original, random) ?? original;
    if (!isDeepStrictEqual(request, original)) return { name, request };
  }
}

describe('a signed request', () => {
  it('of every kind is served as it was signed', async () => {
    for (let kind = 0; kind < KINDS; kind++) {
      expect([200, 201]).toContain((await sendRaw(app.origin, signedRequest(kind))).status);
    }
  });

  it(`is refused after any of ${MUTATIONS} changes, and has no effect`, async () => {
    const seed = chooseSeed();
    const random = seededRandom(seed);
    const before = await effects();
    const served: unknown[] = [];
    const statuses: Record<number, number> = {};
    for (let done = 0; done < MUTATIONS; done += AT_ONCE) {
      const batch = Array.from({ length: AT_ONCE }, (_, at) => mutated(done + at, random));
      const answers = await Promise.all(batch.map(({ request }) => sendRaw(app.origin, request)));
      for (const [at, { status }] of answers.entries()) {
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (![400, 401, 404].includes(status)) served.push({ seed, status, ...batch[at] });
      }
    }
    expect(served).toEqual([]);
    // Most get as far as the signature; the others are refused before, for what they have become.
    expect(statuses[401]).toBeGreaterThan(MUTATIONS * 0.8);
    expect(await effects()).toEqual(before);
  }, 120_000);
});

/** Keys, their versions, and usage: all that the requests above would change. */
async function effects(): Promise<unknown> {
  const keys = await app.call('GET', '/v1/keys?limit=200');
  const { data } = keys.body as { data: { id: string; version: number }[] };
  return data.map(({ id, version }) => [id, version]);
}
