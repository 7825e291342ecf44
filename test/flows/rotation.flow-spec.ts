import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';

type Made = { readonly id: string; readonly key: string };
type Rotated = Made & { readonly old_key_expires_at: string };

const CHAT = '/v1/chat/completions';
const PATIENT = { headers: { prefer: 'wait=5' } };

let here: TestApp;
let there: TestApp;
let database: pg.Client;
beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ besides: here });
  database = new pg.Client({ connectionString: here.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await there.close();
  await here.close();
});

async function make(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await here.call('POST', '/v1/keys', { body: { name: 'rotated', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

async function rotate(id: string, body: object = {}): Promise<Rotated> {
  const answer = await here.call('POST', `/v1/keys/${id}/rotate`, { body, ...PATIENT });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Rotated;
}

async function codeIn(app: TestApp, key: string): Promise<string> {
  const answer = await app.call('GET', '/v1/key', { key });
  return codeOf(answer) ?? String(answer.status);
}

function retirementOf({ headers }: Answer): Record<string, string | null> {
  return {
    deprecation: headers.get('deprecation'),
    sunset: headers.get('sunset'),
    link: headers.get('link'),
  };
}

const NOT_RETIRED = { deprecation: null, sunset: null, link: null };
const HELLO = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };

describe('an answer to a secret that was replaced', () => {
  const fields = {
    scopes: ['inference', 'usage:read'],
    permissions: { models: ['sandbox/echo'] },
  };
  const calls: [what: string, status: number, method: string, path: string, body?: unknown][] = [
    ['an ordinary call', 200, 'GET', '/v1/key'],
    ['an inference call', 200, 'POST', CHAT, HELLO],
    ['an inference call on the long way', 200, 'POST', `${CHAT}?a=1`, HELLO],
    ['a stream', 200, 'POST', CHAT, { ...HELLO, stream: true }],
    ['a model that is not allowed', 403, 'POST', CHAT, { ...HELLO, model: 'sandbox/lorem' }],
    ['a call that is no JSON', 400, 'POST', CHAT, '{'],
    ['a scope that is missing', 403, 'GET', '/v1/keys'],
    ['what does not exist', 404, 'GET', '/v1/keys/key_0000000000000000000000/usage/events'],
  ];

  it('says so on every route, also in streams and refusals; one to the newest secret does not', async () => {
    const { id, key } = await make(fields);
    const before = Math.floor(Date.now() / 1_000);
    const next = await rotate(id);
    const retired: Record<string, unknown> = {
      deprecation: expect.stringMatching(/^@\d{10}$/),
      sunset: new Date(next.old_key_expires_at).toUTCString(),
      link: `</v1/keys/${id}>; rel="successor-version"`,
    };
    for (const [what, status, method, path, body] of calls) {
      for (const app of [here, there]) {
        const ask = (secret: string): Promise<Answer> =>
          app.call(method, path, { key: secret, ...(body !== undefined && { body }) });
        const old = await ask(key);
        expect([what, old.status]).toEqual([what, status]);
        expect([what, retirementOf(old)]).toEqual([what, retired]);
        const since = Number(old.headers.get('deprecation')?.slice(1));
        expect(since - before).toBeLessThan(10);
        expect(since - before).toBeGreaterThanOrEqual(0);
        const current = await ask(next.key);
        expect([what, current.status, retirementOf(current)]).toEqual([what, status, NOT_RETIRED]);
      }
    }
  });

  it('says so in the answer that lists its live usage', async () => {
    const { id, key } = await make(fields);
    await rotate(id);
    const leaving = new AbortController();
    const response = await fetch(`${here.origin}/v1/keys/${id}/usage/events`, {
      headers: { authorization: `Bearer ${key}` },
      signal: leaving.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('deprecation')).toMatch(/^@\d{10}$/);
    leaving.abort();
  });

  it('goes on saying so after the cut-off, and names another end once that is moved', async () => {
    const { id, key } = await make();
    await rotate(id);
    const move = (at: Date): Promise<Answer> =>
      here.call('PATCH', `/v1/keys/${id}/rotation`, {
        body: { old_key_expires_at: at.toISOString() },
        ...PATIENT,
      });
    const later = new Date(Date.now() + 7_200_000);
    expect((await move(later)).status).toBe(200);
    const moved = await there.call('GET', '/v1/key', { key });
    expect(moved.headers.get('sunset')).toBe(later.toUTCString());
    expect((await move(new Date())).status).toBe(200);
    const over = await there.call('GET', '/v1/key', { key });
    expect([over.status, codeOf(over)]).toEqual([401, 'expired_api_key']);
    expect(Date.parse(over.headers.get('sunset') ?? '')).toBeLessThanOrEqual(Date.now());
    expect(retirementOf(await here.call('GET', '/v1/key', { key: 'nonsense' }))).toEqual(
      NOT_RETIRED,
    );
  });

  it('says nothing any more once the rotation is rolled back', async () => {
    const { id, key } = await make();
    const next = await rotate(id);
    expect((await there.call('GET', '/v1/key', { key })).headers.get('sunset')).not.toBeNull();
    await here.call('POST', `/v1/keys/${id}/rotation/rollback`, PATIENT);
    for (const app of [here, there]) {
      expect(retirementOf(await app.call('GET', '/v1/key', { key }))).toEqual(NOT_RETIRED);
      expect(await codeIn(app, next.key)).toBe('expired_api_key');
    }
  });

  it('may be read by pages', async () => {
    const { id, key } = await make();
    await rotate(id);
    const headers = { origin: 'https://app.example' };
    const answer = await here.call('POST', CHAT, { key, body: HELLO, headers });
    for (const name of ['deprecation', 'sunset', 'link']) {
      expect(answer.headers.get('access-control-expose-headers')).toContain(name);
    }
  });
});

describe('an emergency rotation', () => {
  it('holds on every instance when it is answered, where that is waited for', async () => {
    for (let round = 0; round < 5; round++) {
      const { id, key } = await make();
      for (const app of [here, there]) expect(await codeIn(app, key)).toBe('200');
      const next = await rotate(id, { grace_period_hours: 0 });
      expect(next).toMatchObject({ propagation: { instances: 2, acknowledged: 2 } });
      expect(await codeIn(there, key)).toBe('expired_api_key');
      expect(await codeIn(there, next.key)).toBe('200');
    }
  });
});

describe('the end of an old secret', () => {
  it('is decided by the clock, on every instance, without any message or job', async () => {
    const { id, key } = await make();
    const { old_key_expires_at: end } = await rotate(id, { grace_period_hours: 1.5 / 3_600 });
    const codes = async (): Promise<string[]> =>
      Promise.all([here, there].map((app) => codeIn(app, key)));
    expect(await codes()).toEqual(['200', '200']);
    await expect.poll(codes, { timeout: 10_000 }).toEqual(Array(2).fill('expired_api_key'));
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
  });
});

describe('who used a secret last', () => {
  it('is told of each of a key’s secrets, once an instance has written it down', async () => {
    const { id, key } = await make();
    const next = await rotate(id);
    const leaving = await startTestApp({
      besides: here,
      env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32' },
    });
    const use = (secret: string, agent: string, address: string): Promise<Answer> =>
      leaving.call('GET', '/v1/key', {
        key: secret,
        headers: { 'user-agent': agent, 'x-forwarded-for': address },
      });
    await use(key, 'first/1', '192.0.2.1');
    await use(key, `last/${'x'.repeat(300)}`, '192.0.2.2');
    await use(next.key, `holds ${next.key} tight`, '2001:db8::1');
    await leaving.call('GET', '/v1/keys', { key, headers: { 'user-agent': 'refused/1' } });
    await leaving.close();
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const shown = await here.call('PATCH', `/v1/keys/${id}/rotation`, {
      body: { old_key_expires_at: at },
    });
    const time = expect.stringMatching(/^20\d\d-.*Z$/) as string;
    expect(shown.body).toMatchObject({
      secrets: [
        {
          state: 'current',
          last_used_at: time,
          last_used_address: '2001:db8::1',
          last_used_agent: expect.stringMatching(/^holds .* tight$/) as string,
        },
        {
          state: 'retiring',
          last_used_at: time,
          last_used_address: '192.0.2.2',
          last_used_agent: `last/${'x'.repeat(251)}`,
        },
      ],
    });
    expect(JSON.stringify(shown.body)).not.toContain(next.key);
  });
});

describe('whatever is done with a key’s secrets', () => {
  const HOUR_MS = 3_600_000;
  const steps = fc.array(
    fc.oneof(
      fc.constantFrom(0, 0.5, 24).map((grace_period_hours) => ({ grace_period_hours })),
      fc.constantFrom(0, 1, 700).map((hours) => ({ hours })),
      fc.constant('roll back' as const),
    ),
    { minLength: 3, maxLength: 9 },
  );

  it('one of them is current, at most three are good, and none comes back after its end', async () => {
    let ended = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const { id, key } = await make();
        const secrets = [key];
        const over = new Set<string>();
        for (const step of sequence) {
          const answer = await take(id, step);
          expect([200, 409]).toContain(answer.status);
          const { key: made } = answer.body as Partial<Made>;
          if (made !== undefined) secrets.push(made);
          const good: string[] = [];
          for (const one of secrets) {
            const code = await codeIn(here, one);
            if (code === '200') good.push(one);
            else expect(code).toBe('expired_api_key');
            if (code === '200') expect(over).not.toContain(one);
            else over.add(one);
          }
          expect(good.length).toBeGreaterThanOrEqual(1);
          expect(good.length).toBeLessThanOrEqual(3);
          const shown = await here.call('GET', `/v1/keys/${id}`);
          const { last_four } = shown.body as { last_four: string };
          const { rows } = await database.query<{ last_four: string }>(
            `SELECT last_four FROM api_key_secrets WHERE key_id = $1 AND expires_at IS NULL AND retired_at IS NULL`,
            [id],
          );
          expect(rows).toEqual([{ last_four }]);
          expect(good.some((one) => one.endsWith(last_four))).toBe(true);
        }
        ended += over.size;
      }),
      { numRuns: 12 },
    );
    expect(ended).toBeGreaterThan(0);
  });

  function take(id: string, step: object | string): Promise<Answer> {
    if (typeof step === 'string') return here.call('POST', `/v1/keys/${id}/rotation/rollback`);
    if ('hours' in step) {
      const at = new Date(Date.now() + (step.hours as number) * HOUR_MS).toISOString();
      const body = { old_key_expires_at: at };
      return here.call('PATCH', `/v1/keys/${id}/rotation`, { body });
    }
    return here.call('POST', `/v1/keys/${id}/rotate`, { body: step });
  }
});
