import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import { type Answer, type Call, startTestApp, type TestApp } from '../support/app.js';
import { dumpDatabase } from '../support/database-dump.js';
import { spellings } from '../support/secret-spellings.js';
import { type SigningKey, signedHeaders } from '../support/signer.js';
import { newLeakReporter, type Signer } from '../support/leak-reporter.js';
import {
  answerJson,
  answerStream,
  type Behaviour,
  chunk,
  completion,
  DONE,
  event,
  type FakeUpstream,
  startFakeUpstream,
  USAGE_CHUNK,
} from '../support/fake-upstream.js';

const random = (): string => randomBytes(18).toString('hex');
const chatOf = (model: string, stream = false): Record<string, unknown> => ({
  model,
  stream,
  messages: [{ role: 'user', content: 'Hello!' }],
});

/** What must be nowhere but where it was shown once. */
const canaries = {
  rootKey: randomBytes(32).toString('base64'),
  /** Of a shape that every scrubber knows. */
  knownCredential: `sk-proj-${random()}`,
  /** Of a shape that none does, with characters that each encoding writes in its own way. */
  oddCredential: `Zq"\\%/+é=${random()}`.replace('é', '~'),
  replacedCredential: `gsk_${random()}`,
  /** Well-formed, but never issued. */
  guessedKey: generateKeySecret('pr', 'production').reveal(),
  mistypedKey: `${generateKeySecret('pr', 'staging').reveal().slice(0, -1)}_`,
  otherScheme: `Basic ${Buffer.from(`user:${random()}`).toString('base64')}`,
};
/** What is stored as it is, because a caller has said so, but is nobody's business in a log. */
const privateData = `private-${random()}`;

const reporter = newLeakReporter();
const logged: string[] = [];
const answers: { readonly what: string; readonly text: string }[] = [];
const issued: string[] = [];
let app: TestApp;
let upstream: FakeUpstream;
let dataDir: string;

beforeAll(async () => {
  upstream = await startFakeUpstream();
  dataDir = await mkdtemp(join(tmpdir(), 'latchkey-secrets-'));
  const logger = createLogger('trace', { write: (line) => void logged.push(line) });
  const env = {
    LATCHKEY_SECRET_KEY: canaries.rootKey,
    LATCHKEY_DATA_DIR: dataDir,
    LATCHKEY_LEAK_PUBLIC_KEYS: reporter.keySet,
  };
  app = await startTestApp({ logger, env });
  issued.push(app.masterKey);
  await makeKeysElsewhere();
  await makeKeys();
  const routes = await makeProviders();
  await callProvider(routes);
  await failToAuthenticate();
  await misplaceSecrets();
  await reportLeaks();
  await breakDatabase();
  await readEverything();
});
afterAll(async () => {
  await app.close();
  await upstream.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Sends a call and remembers the whole of its answer. */
async function send(method: string, path: string, call: Call = {}): Promise<Answer> {
  const answer = await app.call(method, path, call);
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  answers.push({ what: `${method} ${path} ${answer.status}`, text: [...headers, body].join('\n') });
  return answer;
}

/** The one answer that a secret may stand in. */
async function issue(call: Call): Promise<{ id: string; key: string }> {
  const { status, body } = await app.call('POST', '/v1/keys', call);
  expect(status).toBe(201);
  const made = body as { id: string; key: string };
  issued.push(made.key);
  const rest = JSON.stringify({ ...made, key: null });
  answers.push({ what: 'POST /v1/keys, what is no secret of it', text: rest });
  return made;
}

async function makeKeys(): Promise<void> {
  const once = { body: { name: 'once' }, headers: { 'idempotency-key': 'once' } };
  const first = await issue(once);
  expect((await issue(once)).key).toBe(first.key);
  await makeSigningKeys(first.id);
  await issue({ body: { name: 'test', environment: 'staging', metadata: { note: privateData } } });
  await send('POST', '/v1/keys', { ...once, body: { name: 'other' } });
  await send('GET', `/v1/keys/${first.id}`);
  await send('GET', '/v1/key', { key: first.key });
  await send('DELETE', `/v1/keys/${first.id}`, { body: { reason: 'over' } });
  await send('GET', '/v1/key', { key: first.key });
}

/** By the APIs of others, where the secret has another name. */
async function makeKeysElsewhere(): Promise<void> {
  for (const [path, field] of [
    ['/v1/api-keys', 'secret'],
    ['/manage/api-keys', 'api_key'],
    ['/v1/manage/api-keys', 'api_key'],
  ] as const) {
    const call = { body: { name: `by ${path}` }, headers: { 'idempotency-key': 'elsewhere' } };
    for (let calls = 0; calls < 2; calls++) {
      const { status, body } = await app.call('POST', path, call);
      expect(status).toBe(201);
      const { [field]: secret, ...rest } = body as Record<string, string>;
      expect(secret).toMatch(/^pr-live-/);
      issued.push(secret as string);
      answers.push({ what: `POST ${path}, the rest of it`, text: JSON.stringify(rest) });
    }
    await send('POST', path, { ...call, body: { name: 'other' } });
    await send('GET', path);
    if (field === 'secret') continue;
    await send('POST', path, { body: call.body });
    await send('DELETE', path, { body: { name: issued.at(-1) } });
    await send('DELETE', path, { body: call.body });
  }
}

/** Each way to get a signing secret, and signatures that are wrong. */
async function makeSigningKeys(plainId: string): Promise<void> {
  const security = { authentication: { require_signature: true } };
  const take = ({ status, body }: Answer): Record<string, string> => {
    expect(status).toBeLessThan(300);
    const { signing_secret: secret, ...rest } = body as Record<string, string>;
    issued.push(secret as string);
    const text = JSON.stringify({ ...rest, key: null });
    answers.push({ what: 'what is no secret beside a signing secret', text });
    return body as Record<string, string>;
  };
  const headers = { 'idempotency-key': 'signing' };
  const key = take(
    await app.call('POST', '/v1/keys', { body: { name: 'signs', security }, headers }),
  ) as unknown as SigningKey;
  issued.push(key.key);
  take(await app.call('PATCH', `/v1/keys/${plainId}`, { body: { security } }));
  const path = `/v1/keys/${key.id}/signing-secret`;
  const { signing_secret: secret } = take(await app.call('POST', path, { headers }));
  expect((await app.call('POST', path, { headers })).body).toMatchObject({
    signing_secret: secret,
  });
  const url = `${app.origin}/v1/key`;
  // By the right secret and by the one before.
  for (const signing_secret of [secret as string, key.signing_secret]) {
    const signed = signedHeaders({ ...key, signing_secret }, { method: 'GET', url });
    await send('GET', '/v1/key', { key: null, headers: signed });
    await send('GET', '/v1/key', { key: null, headers: signed });
  }
  await send('PATCH', `/v1/keys/${plainId}`, {
    body: { security: { authentication: { require_signature: false } } },
  });
}

async function makeProviders(): Promise<string[]> {
  const models: string[] = [];
  for (const name of ['knownCredential', 'oddCredential'] as const) {
    const body = {
      name: name.toLowerCase(),
      kind: 'openai-compatible',
      base_url: upstream.baseUrl,
      api_key: canaries.replacedCredential,
    };
    const headers = { 'idempotency-key': name };
    const made = await send('POST', '/v1/providers', { body, headers });
    const { id } = made.body as { id: string };
    const change = { body: { api_key: canaries[name] } };
    expect((await send('PATCH', `/v1/providers/${id}`, change)).status).toBe(200);
    const price = { input_per_million: 1, output_per_million: 1 };
    await send('POST', '/v1/routes', { body: { model: name, provider_id: id, price } });
    // Refused: another origin, a name that is taken, a key that no header can carry.
    await send('PATCH', `/v1/providers/${id}`, { body: { base_url: 'https://x.example/v1' } });
    await send('POST', '/v1/providers', { body });
    await send('POST', '/v1/providers', {
      body: { ...body, name: 'bad', api_key: `${canaries[name]} ` },
    });
    models.push(name);
  }
  return models;
}

/** A provider that throws the credential back at us wherever an error has room for it. */
async function callProvider(models: readonly string[]): Promise<void> {
  const key = issued.at(-1) as string;
  expect(key).toMatch(/^pr-test-/);
  // Whose bodies are kept, so that whatever comes of them is looked at as well.
  const permissions = { data_access: { log_requests: true, log_responses: true } };
  const { key: live } = await issue({ body: { name: 'caller', permissions } });
  const saying = (credential: string): Record<string, unknown> => ({
    message: `Incorrect API key provided: ${credential}.`,
    type: credential,
    param: credential,
    code: credential,
  });
  const echo =
    (status: number): Behaviour =>
    (response, received, request) => {
      const credential = String(received.headers.authorization).slice('Bearer '.length);
      const error = saying(credential);
      answerJson(status, { error, [credential]: credential }, { 'x-echo': credential })(
        response,
        received,
        request,
      );
    };
  for (const model of models) {
    for (const status of [400, 401, 403, 404, 413, 422, 429, 500, 503]) {
      upstream.behave(echo(status));
      const answer = await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model) });
      expect(answer.status).toBeGreaterThanOrEqual(400);
    }
    const credential = canaries[model as keyof typeof canaries];
    upstream.behave(answerJson(500, `<html>Bearer ${credential}</html>`));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model) });
    upstream.behave(answerJson(200, `${credential} is no JSON`));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model) });
    upstream.behave(answerStream([chunk({ content: 'Hi' }), event({ error: saying(credential) })]));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model, true) });
    upstream.behave(answerStream([chunk({ content: 'Hi' })], true));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model, true) });
    upstream.behave(answerStream([chunk({}, 'stop'), USAGE_CHUNK, DONE]));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model, true) });
    upstream.behave(answerJson(200, completion(), { 'x-echo': credential }));
    await send('POST', '/v1/chat/completions', { key: live, body: chatOf(model) });
  }
  await send('POST', '/v1/chat/completions', { key, body: chatOf('sandbox/echo') });
}

async function failToAuthenticate(): Promise<void> {
  for (const key of [canaries.guessedKey, canaries.mistypedKey]) {
    await send('GET', '/v1/keys', { key });
    await send('POST', '/v1/chat/completions', { key, body: chatOf('sandbox/echo') });
  }
  const headers = { authorization: canaries.otherScheme };
  await send('GET', '/v1/keys', { key: null, headers });
}

/** Secrets where they do not belong: people paste them into the wrong field. */
async function misplaceSecrets(): Promise<void> {
  const { body } = await send('GET', '/v1/keys?limit=1');
  const [{ id }] = (body as { data: [{ id: string }] }).data;
  for (const secret of [...issued, canaries.guessedKey, canaries.knownCredential]) {
    await send('POST', '/v1/keys/verify', { body: { key: secret, request: { model: secret } } });
    await send('POST', '/v1/keys/verify', { body: { key: secret, request: { ip: secret } } });
    await send('POST', `/v1/keys/${id}/simulate`, {
      body: { path: `/${secret}`, model: secret, origin: secret, user_agent: secret },
    });
    await send('POST', `/v1/keys/${id}/simulate`, { body: { model: secret } });
    await send('POST', `/v1/keys/${id}/simulate`, { body: { features: [secret] } });
    await send('GET', `/v1/keys/${secret}`);
    await send('GET', `/v1/models/${secret}`);
    await send('GET', `/nowhere/${secret}?api_key=${secret}`);
    await send('GET', `/v1/keys?cursor=${secret}`);
    await send('GET', '/v1/keys', { key: null, headers: { 'x-api-key': secret } });
    await send('GET', '/v1/keys', { headers: { 'x-request-id': secret } });
    await send('POST', '/v1/keys', { body: { name: 'x', [secret]: secret } });
    await send('POST', '/v1/keys', { body: { name: 'x', access_level: secret } });
    await send('POST', '/v1/keys', { body: `{"name":"${secret}"` });
    await send('POST', '/v1/chat/completions', { body: { ...chatOf(secret), [secret]: 1 } });
    await send('POST', '/v1/chat/completions', {
      body: chatOf('sandbox/echo'),
      headers: { 'x-latchkey-sandbox-fail': secret },
    });
  }
}

/** Of keys in use, gone and never made, with the key in every field. */
async function reportLeaks(): Promise<void> {
  const { key: live } = await issue({ body: { name: 'to leak' } });
  const report = async (path: string, report: unknown, sign: Signer | null): Promise<number> => {
    const body = JSON.stringify(report);
    const headers = sign?.(body) ?? {};
    return (await send('POST', path, { key: null, body, headers })).status;
  };
  for (const key of [live, live, ...issued.slice(1), canaries.guessedKey, canaries.mistypedKey]) {
    const found = { url: `https://x:${key}@git.example/${key}?${key}`, source: key };
    const leaks = { leaks: [{ key, ...found }] };
    expect(await report('/v1/leaks', leaks, reporter.headers)).toBe(200);
    expect(await report('/v1/leaks', leaks, null)).toBe(401);
    const alerts = [{ token: key, type: key, ...found }];
    expect(await report('/v1/leaks/github', alerts, reporter.githubHeaders)).toBe(200);
  }
}

/** Statements fail while they carry what a caller has sent. */
async function breakDatabase(): Promise<void> {
  const body = { name: privateData, metadata: { note: privateData } };
  const provider = {
    name: 'late',
    kind: 'openai-compatible',
    base_url: upstream.baseUrl,
    api_key: canaries.oddCredential,
  };
  const nul = { name: 'x', metadata: { note: `${privateData}\0` } };
  expect((await send('POST', '/v1/keys', { body: nul })).status).toBe(400);
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  const rename = async (table: string, from: string, to: string): Promise<void> => {
    await client.query(`ALTER TABLE ${table} RENAME COLUMN ${from} TO ${to}`);
  };
  await rename('api_keys', 'metadata', 'metadata_');
  await rename('providers', 'sealed_credential', 'sealed_credential_');
  for (const headers of [{}, { 'idempotency-key': 'broken' }]) {
    expect((await send('POST', '/v1/keys', { body, headers })).status).toBe(500);
    expect((await send('POST', '/v1/providers', { body: provider, headers })).status).toBe(500);
  }
  await rename('api_keys', 'metadata_', 'metadata');
  await rename('providers', 'sealed_credential_', 'sealed_credential');
  await client.end();
}

async function readEverything(): Promise<void> {
  const requests = await send('GET', '/v1/requests?limit=200');
  for (const { id } of (requests.body as { data: { id: string }[] }).data) {
    await send('GET', `/v1/requests/${id}?include=bodies`);
  }
  for (const path of [
    '/v1/keys?limit=200',
    '/v1/providers',
    '/v1/routes',
    '/v1/models',
    '/health/ready',
    '/metrics',
    '/openapi.json',
    '/docs',
  ]) {
    expect((await send('GET', path)).status, path).toBe(200);
  }
}

/** Which secrets stand in `text`, by name. */
function leaksIn(text: string, also: Readonly<Record<string, string>> = {}): string[] {
  const all = {
    ...canaries,
    ...also,
    ...Object.fromEntries(issued.map((key, at) => [`issued ${at}`, key])),
  };
  const lower = text.toLowerCase();
  return Object.entries(all).flatMap(([name, secret]) =>
    spellings(secret).some((form) => lower.includes(form.toLowerCase())) ? [name] : [],
  );
}

describe('a secret', () => {
  it('would be found in any spelling', () => {
    for (const secret of [...Object.values(canaries), ...issued]) {
      const bearer = `Bearer ${secret}, and more`;
      const written = [
        bearer,
        encodeURIComponent(bearer),
        JSON.stringify({ bearer }),
        JSON.stringify(JSON.stringify({ bearer })),
        Buffer.from(bearer).toString('hex').toUpperCase(),
        Buffer.from(bearer).toString('base64'),
        Buffer.from(`x${bearer}`).toString('base64url'),
        secret.slice(5),
        secret.slice(0, -5),
      ];
      for (const text of written) expect(leaksIn(`... ${text} ...`), text).not.toEqual([]);
    }
  });

  it('is in no line of the log, at its most talkative', () => {
    expect(logged.length).toBeGreaterThan(100);
    const leaks = logged.flatMap((line) =>
      leaksIn(line, { privateData }).map((name) => [name, line]),
    );
    expect(leaks).toEqual([]);
  });

  it('is in no answer but the one that issued it', () => {
    expect(answers.length).toBeGreaterThan(100);
    const leaks = answers.flatMap(({ what, text }) =>
      leaksIn(text).map((name) => [name, what, text]),
    );
    expect(leaks).toEqual([]);
  });

  it('is in no column of the database', async () => {
    const dump = await dumpDatabase(app.databaseUrl);
    const names = dump.map(({ table }) => table);
    expect(names).toEqual(
      expect.arrayContaining(['api_keys', 'api_key_secrets', 'providers', 'idempotency_records']),
    );
    const leaks = dump.flatMap(({ table, rows }) =>
      rows.flatMap((row) => leaksIn(row).map((name) => [name, table, row])),
    );
    expect(leaks).toEqual([]);
  });

  it('is in no file of the data folder', async () => {
    const files = await readdir(dataDir, { recursive: true, withFileTypes: true });
    const paths = files.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(leaksIn(await readFile(path, 'latin1')), path).toEqual([]);
  });

  it('reaches a provider only if it is the provider’s own', () => {
    const own = [canaries.knownCredential, canaries.oddCredential].map((key) => `Bearer ${key}`);
    expect(upstream.received.length).toBeGreaterThan(20);
    for (const { path, headers, body } of upstream.received) {
      const { authorization, ...rest } = headers;
      expect(own).toContain(authorization);
      expect(leaksIn(path + JSON.stringify(rest) + body)).toEqual([]);
    }
  });
});
