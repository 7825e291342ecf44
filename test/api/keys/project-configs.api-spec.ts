import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import { People } from '../../support/key-owners.js';
import { foundOrganization } from '../../support/organizations.js';

const PATH = '/manage/project-configs';
const rootKey = randomBytes(32);

let app: TestApp;
let people: People;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_SECRET_KEY: rootKey.toString('base64') } });
  people = await People.of(app);
  for (const name of ['a', 'b', 'c', 'openai']) {
    const body = { name, kind: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1' };
    expect((await app.call('POST', '/v1/providers', { body })).status).toBe(201);
  }
});
afterAll(async () => {
  await people.close();
  await app.close();
});

const keyOf = (project: string, fields: Record<string, unknown> = {}): Promise<string> =>
  app.keyWith({ access_level: 'admin', scope: { projects: [project] }, ...fields });
const get = (key: string, path = PATH): Promise<Answer> => app.call('GET', path, { key });
const put = (key: string, body: unknown, path = PATH): Promise<Answer> =>
  app.call('PUT', path, { key, body });

/** The surface's own envelope, and nothing else in it. */
function expectError(answer: Answer, status: number, text: RegExp): void {
  expect(answer.body).toEqual({ error: expect.stringMatching(text) as string });
  expect(answer.status).toBe(status);
}

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const UNSET = {
  preference: 'balanced',
  allowed_providers: [],
  allow_overwrite: true,
  enable_model_fallback: false,
  allow_quantization: true,
  eu_native: false,
  created_at: TIME,
  updated_at: TIME,
};

describe('GET /manage/project-configs', () => {
  it('200: of a key of no project, the organization’s', async () => {
    const organization = people.organizationId;
    for (const path of [PATH, `/v1${PATH}`]) {
      const answer = await get(app.masterKey, path);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ _id: organization, project_id: organization, ...UNSET });
    }
  });

  it('200: of the first project of the calling key', async () => {
    const [first, second] = [await people.project(), await people.project()];
    const key = await app.keyWith({ access_level: 'full', scope: { projects: [first, second] } });
    expect((await get(key)).body).toEqual({ _id: first, project_id: first, ...UNSET });
    await put(await keyOf(second), { preference: 'cost' });
    expect((await get(key)).body).toMatchObject({ preference: 'balanced' });
  });

  it('403: for a key that may not read configuration', async () => {
    expectError(await get(await app.keyWith()), 403, /./);
    expectError(await get(await app.keyWith({ access_level: 'read_only' })), 403, /./);
  });
});

describe('PUT /manage/project-configs', () => {
  it('200: changes what is given, and takes what was read back', async () => {
    const key = await keyOf(await people.project());
    const made = await put(key, { preference: 'cost', allowed_providers: ['a', 'b'] });
    expect([made.status, made.body]).toEqual([200, { success: true }]);
    const read = (await get(key)).body as Record<string, unknown>;
    expect(read).toMatchObject({ preference: 'cost', allowed_providers: ['a', 'b'] });
    const { _id, project_id, ...rest } = read;
    expect(_id).toBe(project_id);
    expect((await put(key, rest, `/v1${PATH}`)).status).toBe(200);
    const { updated_at: changedAt, ...same } = (await get(key)).body as Record<string, unknown>;
    expect({ ...same, updated_at: read.updated_at }).toEqual(read);
    expect(changedAt).not.toBe(read.updated_at);
    await put(key, { allow_overwrite: false, preference: null });
    expect((await get(key)).body).toMatchObject({ preference: 'cost', allow_overwrite: false });
    for (const allowed_providers of [[], null]) {
      await put(key, { allowed_providers: ['c'] });
      await put(key, { allowed_providers });
      expect((await get(key)).body).toMatchObject({ allowed_providers: [] });
    }
  });

  it.each([
    [{ preference: 'cheap' }, /preference/],
    [{ allowed_providers: 'a' }, /allowed_providers/],
    [{ allowed_providers: [''] }, /allowed_providers/],
    [
      { allowed_providers: ['a', 'nobody', 'b'] },
      /^allowed_providers names “nobody”, and there is no provider of that name\.$/,
    ],
    [{ allowed_providers: ['A'] }, /names “A”/],
    [{ allow_overwrite: 'yes' }, /allow_overwrite/],
    [{ allow_zero_data_retention: true }, /allow_zero_data_retention/],
    [{ project_id: 'project_x' }, /project_id/],
    [{ created_at: 7 }, /created_at/],
    [{ eu_native: true }, /^eu_native can’t be true: it is not known where providers compute\.$/],
    [{ allow_quantization: false }, /^allow_quantization can’t be false/],
    [{ enable_model_fallback: true }, /^enable_model_fallback can’t be true/],
  ])('400: %j, and nothing of it is kept', async (wrong, text) => {
    const key = await keyOf(await people.project());
    expectError(await put(key, { preference: 'speed', ...wrong }), 400, text);
    expect((await get(key)).body).toMatchObject({ preference: 'balanced' });
  });

  it('400: the provider of another organization', async () => {
    const { admin } = await foundOrganization(app, rootKey, 'Without providers');
    expectError(await put(admin, { allowed_providers: ['a'] }), 400, /names “a”/);
    expect((await put(admin, { allowed_providers: ['sandbox'] })).status).toBe(200);
  });

  it('takes what is so of every call anyway', async () => {
    const key = await keyOf(await people.project());
    const body = { eu_native: false, allow_quantization: true, enable_model_fallback: false };
    expect((await put(key, body)).status).toBe(200);
  });

  it('is of one project: others, and the organization, keep theirs', async () => {
    const [one, other] = [await keyOf(await people.project()), await keyOf(await people.project())];
    await put(one, { preference: 'speed', allow_overwrite: false });
    expect((await get(other)).body).toMatchObject({ preference: 'balanced' });
    expect((await get(app.masterKey)).body).toMatchObject({ preference: 'balanced' });
  });

  it('of twenty changes at once loses none', async () => {
    const key = await keyOf(await people.project());
    const bodies = [{ preference: 'cost' }, { allowed_providers: ['a'] }, { preference: 'cost' }];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => put(key, bodies[at % bodies.length])),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect((await get(key)).body).toMatchObject({ preference: 'cost', allowed_providers: ['a'] });
  });
});

describe('who may change them', () => {
  it.each([
    ['admin', 200, 200],
    ['management', 200, 403],
    ['full', 403, 403],
    ['inference', 403, 403],
    ['read_only', 403, 403],
  ])('%s: %d while requests may ask for other things, else %d', async (level, free, enforced) => {
    const project = await people.project();
    const key = await keyOf(project, { access_level: level });
    expect((await put(key, { preference: 'cost' })).status).toBe(free);
    await put(await keyOf(project), { allow_overwrite: false });
    const late = await put(key, { preference: 'speed', allow_overwrite: true });
    expect(late.status).toBe(enforced);
    if (enforced === 403) expectError(late, 403, /./);
    expect((await get(app.masterKey)).body).toMatchObject({ allow_overwrite: true });
  });

  it('a key with some scopes of an administrator is none', async () => {
    const project = await people.project();
    const fields = { access_level: undefined, scopes: ['config:read', 'config:write'] };
    const key = await keyOf(project, fields);
    expect((await put(key, { allow_overwrite: false })).status).toBe(200);
    expectError(await put(key, { allow_overwrite: true }), 403, /only an administrator/);
  });

  it('a key of somebody’s own is an administrator’s as long as they are', async () => {
    const owner = await people.user('admin');
    const project = await people.project();
    const key = await keyOf(project);
    const { rows } = await people.client.query<{ id: string }>(
      `SELECT id FROM api_keys WHERE project_ids = $1`,
      [[project]],
    );
    await people.give(rows[0]?.id ?? '', owner);
    expect((await put(key, { allow_overwrite: false })).status).toBe(200);
    expect((await put(key, { preference: 'cost' })).status).toBe(200);
    await people.client.query(
      `UPDATE organization_members SET role = 'billing' WHERE user_id = $1`,
      [owner],
    );
    expect((await put(key, { preference: 'speed' })).status).toBe(403);
  });

  it('403: a team’s key of no project, for what is of all', async () => {
    const scope = { team_id: await people.team() };
    const key = await app.keyWith({ access_level: 'admin', type: 'team', scope });
    expect((await get(key)).status).toBe(200);
    expectError(await put(key, { preference: 'cost' }), 403, /key of the project/);
  });

  it('what a project has not said itself is enforced by the organization', async () => {
    const theirs = await foundOrganization(app, rootKey, 'Inherits');
    const project = await app.call('POST', '/v1/projects', {
      key: theirs.admin,
      body: { name: 'Search' },
    });
    const { id } = project.body as { id: string };
    const made = await app.call('POST', '/v1/keys', {
      key: theirs.admin,
      body: { name: 'm', access_level: 'management', scope: { projects: [id] } },
    });
    const { key } = made.body as { key: string };
    await put(theirs.admin, { preference: 'speed', allow_overwrite: false });
    expect((await get(key)).body).toMatchObject({
      project_id: id,
      preference: 'speed',
      allow_overwrite: false,
    });
    expectError(await put(key, { allow_overwrite: true }), 403, /only an administrator/);
    const own = {
      key: theirs.admin,
      body: { name: 'a', access_level: 'admin', scope: { projects: [id] } },
    };
    const { key: admin } = (await app.call('POST', '/v1/keys', own)).body as { key: string };
    expect((await put(admin, { allow_overwrite: true })).status).toBe(200);
    expect((await get(theirs.admin)).body).toMatchObject({ allow_overwrite: false });
    expect((await get(app.masterKey)).body).toMatchObject({ preference: 'balanced' });
  });

  it('goes with its project', async () => {
    const made = await app.call('POST', '/v1/projects', { body: { name: 'short-lived' } });
    const { id } = made.body as { id: string };
    const key = await keyOf(id);
    await put(key, { preference: 'cost' });
    const self = (await app.call('GET', '/v1/key', { key })).body as { id: string };
    await app.call('PATCH', `/v1/keys/${self.id}`, { body: { scope: { projects: [] } } });
    expect((await app.call('DELETE', `/v1/projects/${id}`)).status).toBe(200);
    const { rows } = await people.client.query('SELECT 1 FROM project_configs WHERE id = $1', [id]);
    expect(rows).toEqual([]);
  });
});

describe.skipIf(!isInstalled('curl'))('docs/project-settings.md', () => {
  it('has lines that work as they stand', async () => {
    const env = { KEY: await keyOf(await people.project()) };
    const outputs: unknown[] = [];
    for (const block of blocksOf('docs/project-settings.md', 'sh')) {
      const script = block.replaceAll('http://127.0.0.1:3000', app.origin);
      if (script.startsWith('export')) continue;
      outputs.push(JSON.parse(await runProgram('bash', ['-ec', script], { env })));
    }
    expect(outputs).toMatchObject([
      { success: true },
      { allowed_providers: ['openai'], preference: 'cost', allow_overwrite: false },
    ]);
  });
});
