/** Listens to the calls of a spec, and learns from them which secrets are in use. */
import { randomBytes } from 'node:crypto';

import { vi } from 'vitest';

import type { Canaries } from './canaries.js';

export type TappedAnswer = {
  readonly what: string;
  readonly status: number;
  readonly text: string;
};

/** By the names of fields, in requests and in answers. */
const FIELDS: Readonly<Record<string, string>> = {
  key: 'key secret',
  secret: 'secret of a key or webhook',
  api_key: 'credential of a provider',
  signing_secret: 'signing secret',
  password: 'password',
  current_password: 'password',
  new_password: 'password',
  token: 'token',
  csrf_token: 'CSRF token',
  ticket: 'ticket',
  content: 'body of a model call',
  input: 'body of a model call',
};
const HEADERS: Readonly<Record<string, string>> = {
  authorization: 'Authorization header',
  'x-api-key': 'x-api-key header',
  cookie: 'session cookie',
  'idempotency-key': 'idempotency key',
};
const BY_SHAPE: readonly (readonly [RegExp, string])[] = [
  [/^lks_/, 'session token'],
  [/^lki_/, 'invitation token'],
  [/^lkr_/, 'reset token'],
  [/^lkt_/, 'ticket'],
  [/^whsec_/, 'webhook secret'],
  [/^lsig_/, 'signing secret'],
  [/^[a-z]+-(live|test)-/, 'key secret'],
];

/**
 * Calls go through; what they carry and are answered is learned where they succeed. Calls that change something get an
 * Idempotency-Key of their own, and providers a credential that no scrubber knows by its shape.
 * @returns every answer, as it comes in
 */
export function tapFetch(canaries: Canaries): TappedAnswer[] {
  const answers: TappedAnswer[] = [];
  const real = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init = {}) => {
    const { method, path, headers, body } = callOf(new URL(input), init);
    const response = await real(input, { ...init, headers, body });
    const text = await jsonOf(response);
    answers.push({ what: `${method} ${path}`, status: response.status, text });
    if (response.status >= 400) return response;
    learnOfRequest(canaries, path, headers);
    for (const json of [body ?? '', text]) learn(canaries, parse(json));
    for (const cookie of response.headers.getSetCookie()) {
      canaries.add('session cookie', /=([^;]*)/.exec(cookie)?.[1] ?? '');
    }
    return response;
  });
  return answers;
}

type Called = {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
};

function callOf(
  { pathname: path }: URL,
  { method = 'GET', headers = {}, body }: RequestInit,
): Called {
  const sent = { ...(headers as Record<string, string>) };
  if (method !== 'GET') sent['idempotency-key'] ??= `once-${randomBytes(18).toString('hex')}`;
  const text = typeof body === 'string' ? withOddCredential(path, body) : null;
  return { method, path, headers: sent, body: text };
}

/** Its body where that is JSON: a stream may have no end. */
async function jsonOf(response: Response): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  return type.startsWith('application/json') ? response.clone().text() : '';
}

function learnOfRequest(canaries: Canaries, path: string, headers: Record<string, string>): void {
  for (const part of path.split('/')) learnShape(canaries, part);
  for (const [name, value] of Object.entries(headers)) {
    const kind = HEADERS[name];
    if (kind !== undefined) canaries.add(kind, value.replace(/^Bearer /, ''));
  }
}

function withOddCredential(path: string, body: string): string {
  if (!path.startsWith('/v1/providers')) return body;
  const fields = parse(body) as { api_key?: unknown } | null;
  if (typeof fields?.api_key !== 'string') return body;
  const api_key = `Zq"\\%/+~=${randomBytes(18).toString('hex')}`;
  return JSON.stringify({ ...fields, api_key });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Bodies that are no JSON are sent on purpose, and hold no field to learn from.
    return null;
  }
}

function learn(canaries: Canaries, value: unknown, name?: string): void {
  if (Array.isArray(value)) for (const one of value) learn(canaries, one, name);
  else if (typeof value === 'object' && value !== null) {
    for (const [field, inner] of Object.entries(value)) learn(canaries, inner, field);
  } else if (typeof value === 'string') {
    if (name === 'download_url' || name === 'url') learnSignature(canaries, value);
    const kind = name === undefined ? undefined : FIELDS[name];
    if (kind !== undefined && !learnShape(canaries, value)) canaries.add(kind, value);
  }
}

function learnShape(canaries: Canaries, text: string): boolean {
  const [, kind] = BY_SHAPE.find(([shape]) => shape.test(text)) ?? [];
  if (kind !== undefined) canaries.add(kind, text);
  return kind !== undefined;
}

function learnSignature(canaries: Canaries, url: string): void {
  const [, signature] = /[?&]signature=([^&]+)/.exec(url) ?? [];
  if (signature !== undefined) canaries.add('signature of a link', signature);
}
