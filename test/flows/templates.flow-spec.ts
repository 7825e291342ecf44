import { performance } from 'node:perf_hooks';

import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../support/app.js';

const KEYS = 1_000;

let here: TestApp;
let there: TestApp;
beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

type Made = { readonly id: string; readonly key: string };

async function make(path: string, body: unknown): Promise<Made> {
  const answer = await here.call('POST', path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Made;
}

const ask = async (app: TestApp, key: string, model: string): Promise<string | undefined> => {
  const body = { model, messages: [{ role: 'user', content: 'x' }] };
  return codeOf(await app.call('POST', '/v1/chat/completions', { key, body }));
};

/** Copies of a key under other ids: nobody calls with them. */
async function copy({ id }: Made, count: number): Promise<void> {
  const database = new pg.Client({ connectionString: here.databaseUrl });
  await database.connect();
  await database.query(
    `INSERT INTO api_keys SELECT (jsonb_populate_record(key, jsonb_build_object('id', 'key_copy' || n))).*
       FROM api_keys key, generate_series(1, $2::integer) n WHERE key.id = $1`,
    [id, count],
  );
  await database.query(
    `INSERT INTO key_inheritances
       SELECT (jsonb_populate_record(tie, jsonb_build_object('key_id', 'key_copy' || n))).*
         FROM key_inheritances tie, generate_series(1, $2::integer) n WHERE tie.key_id = $1`,
    [id, count],
  );
  await database.end();
}

it('a change of a policy that 1,000 keys inherit from is in force on another instance within a second', async () => {
  const models = ['sandbox/echo', 'sandbox/lorem'];
  const company = await make('/v1/policies', { name: 'company', permissions: { models } });
  const team = await make('/v1/policies', { name: 'team', inherit_from: company.id });
  const made = await make('/v1/keys', { name: 'made', permissions: { inherit_from: 'team' } });
  await copy(made, KEYS - 2);
  const last = await make('/v1/keys', { name: 'last', permissions: { inherit_from: 'company' } });
  for (const { key } of [made, last]) {
    expect(await ask(there, key, 'sandbox/lorem')).toBeUndefined();
  }
  const start = performance.now();
  const body = { permissions: { models: ['sandbox/echo'] } };
  const changed = await here.call('PATCH', `/v1/policies/${company.id}`, { body });
  const answered = performance.now();
  expect([changed.status, changed.body]).toMatchObject([200, { changed_keys: KEYS }]);
  for (const { key } of [made, last]) {
    expect(await ask(here, key, 'sandbox/lorem')).toBe('model_not_allowed');
  }
  await vi.waitFor(
    async () => {
      for (const { key } of [made, last]) {
        expect(await ask(there, key, 'sandbox/lorem')).toBe('model_not_allowed');
      }
    },
    { timeout: 1_000 - (performance.now() - answered), interval: 20 },
  );
  const everywhere = performance.now() - answered;
  console.log(
    `${KEYS} keys: ${Math.round(answered - start)} ms to the answer, ${Math.round(everywhere)} ms more until the other instance had it`,
  );
  for (const { key } of [made, last]) expect(await ask(there, key, 'sandbox/echo')).toBeUndefined();
  expect(team.id).toMatch(/^pol_/);
}, 60_000);
