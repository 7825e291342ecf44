import { createHash, randomBytes } from 'node:crypto';

import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import { ApiKeyRepository } from '../../../src/modules/keys/api-key.repository.js';
import { generateKeySecret } from '../../../src/modules/keys/domain/key-secret.js';
import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { newLeakReporter, type Signer } from '../../support/leak-reporter.js';

const rootKey = randomBytes(32);
const reporter = newLeakReporter();
const stranger = newLeakReporter();
const logged: string[] = [];
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({
    env: {
      LATCHKEY_LEAK_PUBLIC_KEYS: reporter.keySet,
      LATCHKEY_SECRET_KEY: rootKey.toString('base64'),
      // Each failed attempt seems to come from somewhere else, unless a test says from where.
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
    },
    logger: createLogger('trace', { write: (line) => void logged.push(line) }),
  });
});
afterAll(() => app.close());
afterEach(() => vi.restoreAllMocks());

let caller = 0;
function post(path: string, body: string, headers: Readonly<Record<string, string>>) {
  caller++;
  const from = { 'x-forwarded-for': `203.0.${caller >> 8}.${caller & 255}` };
  return app.call('POST', path, { key: null, body, headers: { ...from, ...headers } });
}

function report(leaks: unknown, sign: Signer = reporter.headers): Promise<Answer> {
  const body = JSON.stringify({ leaks });
  return post('/v1/leaks', body, sign(body));
}

function alert(alerts: unknown, sign: Signer = reporter.githubHeaders): Promise<Answer> {
  const body = JSON.stringify(alerts);
  return post('/v1/leaks/github', body, sign(body));
}

async function outcomesOf(...keys: string[]): Promise<unknown[]> {
  const answer = await report(keys.map((key) => ({ key })));
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return (answer.body as { leaks: { outcome: string }[] }).leaks.map(({ outcome }) => outcome);
}

type Made = { readonly id: string; readonly key: string };
async function make(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'leaky', ...fields } });
  expect(made.status).toBe(201);
  return made.body as Made;
}

/** Answers the new secret. */
async function rotate(keyId: string, hours: number): Promise<string> {
  const body = { grace_period_hours: hours };
  const rotated = await app.call('POST', `/v1/keys/${keyId}/rotate`, { body });
  expect(rotated.status).toBe(200);
  return (rotated.body as Made).key;
}

async function use(key: string): Promise<string> {
  const answer = await app.call('GET', '/v1/key', { key });
  return codeOf(answer) ?? String(answer.status);
}

async function wantLeakedKeys(action: string): Promise<void> {
  const { body } = await app.call('GET', '/v1/key');
  const path = `/v1/organizations/${(body as { organization_id: string }).organization_id}`;
  expect((await app.call('PATCH', path, { body: { leaked_keys: action } })).status).toBe(200);
}

describe('a live key that is reported', () => {
  const url = 'https://git.example/app/.env#L3';

  it.each([{}, { environment: 'staging' }, { access_level: 'admin' }])(
    'is revoked for good, and refused by the very next request: %j',
    async (fields) => {
      const { id, key } = await make(fields);
      expect(await use(key)).toBe('200');
      const answer = await report([{ key, url, source: 'gitleaks' }]);
      expect([answer.status, answer.body]).toEqual([200, { leaks: [{ outcome: 'revoked' }] }]);
      expect(await use(key)).toBe('revoked_api_key');
      const stored = await app.call('GET', `/v1/keys/${id}`);
      expect(stored.body).toMatchObject({
        status: 'revoked',
        revoked_reason: `Leaked: gitleaks, ${url}`,
        version: 2,
      });
    },
  );

  it('is disabled where its organization wants that, and can be enabled again', async () => {
    await wantLeakedKeys('disable');
    const { id, key } = await make();
    expect(await use(key)).toBe('200');
    expect(await outcomesOf(key)).toEqual(['disabled']);
    expect(await use(key)).toBe('key_disabled');
    const stored = await app.call('GET', `/v1/keys/${id}`);
    expect(stored.body).toMatchObject({
      status: 'disabled',
      disabled_reason: 'Leaked: a scanner',
      auto_enable_at: null,
    });
    expect(await outcomesOf(key)).toEqual(['already_inactive']);
    expect((await app.call('POST', `/v1/keys/${id}/enable`)).status).toBe(200);
    expect(await use(key)).toBe('200');
    await wantLeakedKeys('revoke');
  });

  it('does not come back by itself, as one that was disabled for a while would', async () => {
    await wantLeakedKeys('disable');
    const { id, key } = await make();
    const body = { reason: 'odd', auto_enable_after: '1h' };
    await app.call('POST', `/v1/keys/${id}/disable`, { body });
    expect(await outcomesOf(key)).toEqual(['disabled']);
    const stored = await app.call('GET', `/v1/keys/${id}`);
    expect(stored.body).toMatchObject({ status: 'disabled', auto_enable_at: null });
    await wantLeakedKeys('revoke');
  });

  it('is out of use also where it had expired or was disabled for another reason', async () => {
    const { id, key } = await make();
    await app.call('PATCH', `/v1/keys/${id}`, {
      body: { expires_at: new Date(Date.now() + 300).toISOString() },
    });
    await expect.poll(() => use(key)).toBe('expired_api_key');
    expect(await outcomesOf(key)).toEqual(['revoked']);
    const revived = await app.call('PATCH', `/v1/keys/${id}`, { body: { expires_at: null } });
    expect(revived.status).toBe(409);
    await wantLeakedKeys('disable');
    const odd = await make();
    await app.call('POST', `/v1/keys/${odd.id}/disable`, { body: { reason: 'odd' } });
    expect(await outcomesOf(odd.key)).toEqual(['disabled']);
    expect((await app.call('GET', `/v1/keys/${odd.id}`)).body).toMatchObject({
      disabled_reason: 'Leaked: a scanner',
    });
    await wantLeakedKeys('revoke');
  });

  it('is revoked also where it was disabled before', async () => {
    const { id, key } = await make();
    await app.call('POST', `/v1/keys/${id}/disable`);
    expect(await outcomesOf(key)).toEqual(['revoked']);
    expect(await use(key)).toBe('revoked_api_key');
  });

  it('is found by any of its valid secrets, and by no other', async () => {
    const { id, key: rotatedOut } = await make();
    const inGrace = await rotate(id, 0);
    const key = await rotate(id, 24);
    expect(await outcomesOf(rotatedOut)).toEqual(['already_inactive']);
    expect([await use(key), await use(inGrace)]).toEqual(['200', '200']);
    expect(await outcomesOf(inGrace)).toEqual(['revoked']);
    expect([await use(key), await use(inGrace)]).toEqual(['revoked_api_key', 'revoked_api_key']);
  });

  it('is announced once, with nothing secret', async () => {
    const { id, key } = await make();
    const [{ organization_id: organizationId }] = [
      (await app.call('GET', '/v1/key', { key })).body as { organization_id: string },
    ];
    const leak = { key, url: `https://git.example/?k=${key}`, source: `found ${key}` };
    await report([leak, leak]);
    await report([leak]);
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ type: string; data: Record<string, unknown> }>(
      'SELECT type, data FROM notifications WHERE organization_id = $1 AND key_id = $2 ORDER BY type',
      [organizationId, id],
    );
    await client.end();
    expect(rows.map(({ type }) => type)).toEqual([
      'key.created',
      'key.revoked',
      'security.suspicious_activity',
    ]);
    expect(rows[2]?.data).toMatchObject({
      key_id: id,
      action: 'revoked',
      source: 'found [redacted]',
      reason: 'Leaked: found [redacted], https://git.example/?k=[redacted]',
    });
    expect(JSON.stringify(rows)).not.toContain(key);
    const lines = logged.filter((line) => line.includes(id));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'warn',
      organization_id: organizationId,
      key_id: id,
      action: 'revoked',
    });
    expect(lines[0]).not.toMatch(/git\.example|found/);
  });

  it('is counted', async () => {
    const counted = async (): Promise<number> => {
      const { body } = await app.call('GET', '/metrics', { key: null });
      const line = /^latchkey_leaked_keys_total\{reporter="scanner",outcome="revoked"\} (\d+)$/m;
      return Number(line.exec(body as string)?.[1] ?? 0);
    };
    const before = await counted();
    await outcomesOf((await make()).key);
    expect(await counted()).toBe(before + 1);
  });

  it('leaves every other key as it is', async () => {
    const [leaked, other] = [await make(), await make()];
    expect(await outcomesOf(leaked.key)).toEqual(['revoked']);
    expect(await use(other.key)).toBe('200');
    expect(await use(app.masterKey)).toBe('200');
  });
});

describe('POST /v1/leaks', () => {
  it('answers by position, for each kind of thing that a scanner finds', async () => {
    const [live, gone, off] = [await make(), await make(), await make()];
    await app.call('DELETE', `/v1/keys/${gone.id}`);
    await app.call('POST', `/v1/keys/${off.id}/disable`);
    await wantLeakedKeys('disable');
    const outcomes = await outcomesOf(
      'x',
      gone.key,
      generateKeySecret('pr', 'production').reveal(),
      live.key,
      off.key,
      generateKeySecret('other', 'production').reveal(),
      live.key.slice(0, -1),
      `${live.key} `,
      '',
      live.key,
      'x'.repeat(10_000),
    );
    await wantLeakedKeys('revoke');
    expect(outcomes).toEqual([
      'unknown',
      'already_inactive',
      'unknown',
      'disabled',
      'disabled',
      'unknown',
      'unknown',
      'unknown',
      'unknown',
      'disabled',
      'unknown',
    ]);
  });

  it('takes a report of nothing', async () => {
    expect((await report([])).body).toEqual({ leaks: [] });
  });

  it.each([
    ['', 'invalid_json'],
    ['{', 'invalid_json'],
    ['\u0000', 'invalid_json'],
    ['{"leaks":[],"leaks":[]}', 'invalid_json'],
    ['{"leaks":[{"key":"a","__proto__":{}}]}', 'invalid_json'],
    ['[]', 'invalid_request'],
    ['null', 'invalid_request'],
    ['{"leaks":[{"key":1}]}', 'invalid_request'],
  ])('400: a signed body that is %j', async (body, code) => {
    const answer = await post('/v1/leaks', body, reporter.headers(body));
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
  });

  it('400: what is no JSON by its content type', async () => {
    const body = '{"leaks":[]}';
    const headers = { ...reporter.headers(body), 'content-type': 'text/plain' };
    expect((await post('/v1/leaks', body, headers)).status).toBe(400);
  });

  it('413: more than 1 MiB', async () => {
    const body = JSON.stringify({ leaks: [{ key: 'x'.repeat(1024 * 1024) }] });
    const answer = await post('/v1/leaks', body, reporter.headers(body));
    expect([answer.status, codeOf(answer)]).toEqual([413, 'request_too_large']);
  });
});

describe('POST /v1/leaks/github', () => {
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('answers GitHub’s feedback: a hash of each token, and whether it is or was ours', async () => {
    const [live, gone] = [await make(), await make()];
    await app.call('DELETE', `/v1/keys/${gone.id}`);
    const foreign = generateKeySecret('pr', 'production').reveal();
    const url = 'https://github.com/octocat/hello-world/blob/main/.env';
    const answer = await alert([
      { token: live.key, type: 'our_key', url, source: 'commit' },
      { token: gone.key, type: 'our_key', url: '', source: 'unknown' },
      { token: foreign, type: 'our_key' },
      { token: 'junk', type: 'other', source: 'content', later: true },
    ]);
    expect([answer.status, answer.body]).toEqual([
      200,
      [
        { token_hash: hashOf(live.key), token_type: 'our_key', label: 'true_positive' },
        { token_hash: hashOf(gone.key), token_type: 'our_key', label: 'true_positive' },
        { token_hash: hashOf(foreign), token_type: 'our_key', label: 'false_positive' },
        { token_hash: hashOf('junk'), token_type: 'other', label: 'false_positive' },
      ],
    ]);
    expect(await use(live.key)).toBe('revoked_api_key');
    const stored = await app.call('GET', `/v1/keys/${live.id}`);
    expect(stored.body).toMatchObject({
      revoked_reason: `Leaked: GitHub secret scanning (commit), ${url}`,
    });
  });

  it('400: no array', async () => {
    expect(codeOf(await alert({ leaks: [] }))).toBe('invalid_request');
  });
});

describe('a report that is not signed by a known key', () => {
  const body = '{"leaks":[]}';
  const good = reporter.headers(body);
  const identifier = 'x-latchkey-public-key-identifier';
  const signature = 'x-latchkey-public-key-signature';

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['one byte more', `${body}\n`, good],
    ['one byte less', body.slice(0, -1), good],
    ['another spelling of the same JSON', '{ "leaks":[]}', good],
    ['no body', '', good],
    ['no headers', body, { 'content-type': 'application/json' }],
    ['no identifier', body, { ...good, [identifier]: '' }],
    ['an unknown identifier', body, { ...good, [identifier]: 'nobody' }],
    ['a part of the identifier', body, { ...good, [identifier]: 'scanner' }],
    ['no signature', body, { ...good, [signature]: '' }],
    ['a signature of nothing', body, { ...good, [signature]: 'AAAA' }],
    ['the signature of a stranger', body, stranger.headers(body)],
    ['GitHub’s headers', body, reporter.githubHeaders(body)],
    ['a key of another curve', body, newLeakReporter('scanner-1', 'P-384').headers(body)],
  ])('401, and nothing of it is parsed: %s', async (_, sent, headers) => {
    const look = vi.spyOn(ApiKeyRepository.prototype, 'findByDigestsAcrossTenants');
    const answer = await post('/v1/leaks', sent, headers);
    expect([answer.status, codeOf(answer)]).toEqual([401, 'signature_invalid']);
    expect(look).not.toHaveBeenCalled();
  });

  it('revokes nothing, by either route', async () => {
    const { key } = await make();
    const parse = vi.spyOn(JSON, 'parse');
    const leaks = JSON.stringify({ leaks: [{ key }] });
    const alerts = JSON.stringify([{ token: key, type: 't' }]);
    const answers = [
      await post('/v1/leaks', leaks, stranger.headers(leaks)),
      await post('/v1/leaks/github', alerts, stranger.githubHeaders(alerts)),
    ];
    expect(answers.map(codeOf)).toEqual(['signature_invalid', 'signature_invalid']);
    expect(parse.mock.calls.filter(([text]) => text.includes(key))).toEqual([]);
    expect(await use(key)).toBe('200');
  });

  it('counts against its address as a failed authentication, and no good report does', async () => {
    const from = { 'x-forwarded-for': '198.51.100.7' };
    const wrong = { ...stranger.headers(body), ...from };
    const codes: unknown[] = [];
    for (let tried = 0; tried < 59; tried++)
      codes.push(codeOf(await post('/v1/leaks', body, wrong)));
    const noKey = { key: generateKeySecret('pr', 'production').reveal(), headers: from };
    codes.push(codeOf(await app.call('GET', '/v1/key', noKey)));
    expect(new Set(codes)).toEqual(new Set(['signature_invalid', 'invalid_api_key']));
    const refused = await post('/v1/leaks', body, wrong);
    expect([refused.status, codeOf(refused)]).toEqual([429, 'rate_limit_exceeded']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await post('/v1/leaks', body, { ...good, ...from })).status).toBe(200);
  });
});

describe('a great deal in one report', () => {
  const junk = (count: number, key: (at: number) => string): { key: string }[] =>
    Array.from({ length: count }, (_, at) => ({ key: key(at) }));

  it('costs no query where nothing of it can be a key', async () => {
    const look = vi.spyOn(ApiKeyRepository.prototype, 'findByDigestsAcrossTenants');
    const foreign = generateKeySecret('other', 'production').reveal();
    const mistyped = generateKeySecret('pr', 'production').reveal().replace(/.$/, '_');
    const answer = await report(
      junk(10_000, (at) => [`junk ${at}`, foreign, mistyped][at % 3] ?? ''),
    );
    expect(answer.status).toBe(200);
    expect((answer.body as { leaks: unknown[] }).leaks).toHaveLength(10_000);
    expect(look).not.toHaveBeenCalled();
  });

  it('costs one query for 500 that can be keys, and one transaction for each that is', async () => {
    const look = vi.spyOn(ApiKeyRepository.prototype, 'findByDigestsAcrossTenants');
    const lock = vi.spyOn(ApiKeyRepository.prototype, 'lockForUpdate');
    const [first, last] = [await make(), await make()];
    const leaks = junk(10_000, () => generateKeySecret('pr', 'production').reveal());
    leaks[0] = { key: first.key };
    leaks[9_999] = { key: last.key };
    lock.mockClear();
    const answer = await report(leaks);
    const { leaks: results } = answer.body as { leaks: { outcome: string }[] };
    expect(
      results.flatMap(({ outcome }, at) => (outcome === 'unknown' ? [] : [[at, outcome]])),
    ).toEqual([
      [0, 'revoked'],
      [9_999, 'revoked'],
    ]);
    expect([look.mock.calls.length, lock.mock.calls.length]).toEqual([20, 2]);
  });

  it('400: more than 10,000', async () => {
    const answer = await report(junk(10_001, () => 'x'));
    expect([answer.status, answer.body]).toMatchObject([400, { error: { param: 'leaks' } }]);
  });
});

describe('a secret that is reported', () => {
  it('stands in no line of the log and in no answer', async () => {
    const [one, two] = [await make(), await make()];
    const unknown = generateKeySecret('pr', 'production').reveal();
    const odd = `odd-${generateKeySecret('pr', 'production').reveal().slice(8)}`;
    const answers: Answer[] = [];
    for (const key of [one.key, two.key, unknown, odd]) {
      const leak = { key, url: `https://a:${key}@git.example/${key}`, source: key };
      answers.push(await report([leak]), await report([leak], stranger.headers));
      answers.push(await report([{ ...leak, [key]: key }]), await report([{ key: [key] }]));
      const token = { token: key, type: key, url: leak.url, source: key };
      answers.push(await alert([token]), await alert([token], stranger.githubHeaders));
    }
    for (const { id } of [one, two]) answers.push(await app.call('GET', `/v1/keys/${id}`));
    const said = [
      ...logged,
      ...answers.map(({ headers, body }) => JSON.stringify([[...headers], body])),
    ].join('\n');
    expect(said).toContain(one.id);
    for (const key of [one.key, two.key, unknown]) {
      const random = key.slice('pr-live-'.length);
      for (let at = 0; at + 12 <= random.length; at++) {
        expect(said).not.toContain(random.slice(at, at + 12));
      }
    }
  });
});

describe('LATCHKEY_LEAK_PUBLIC_KEYS', () => {
  it('503 without it, whatever is sent', async () => {
    const bare = await startTestApp();
    try {
      const body = '{"leaks":[]}';
      for (const [path, headers] of [
        ['/v1/leaks', reporter.headers(body)],
        ['/v1/leaks/github', reporter.githubHeaders(body)],
        ['/v1/leaks', {}],
      ] as const) {
        const answer = await bare.call('POST', path, { key: null, body, headers });
        expect([answer.status, codeOf(answer)]).toEqual([503, 'service_unavailable']);
      }
    } finally {
      await bare.close();
    }
  });

  it('fails the start where it can’t be used, by its name and without its value', async () => {
    const wrong = newLeakReporter('hidden-value', 'P-384').keySet;
    const start = startTestApp({ env: { LATCHKEY_LEAK_PUBLIC_KEYS: wrong } });
    const error = await start.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(/LATCHKEY_LEAK_PUBLIC_KEYS must .*P-256/);
    expect((error as Error).message).not.toMatch(/hidden-value|BEGIN/);
  });
});
