import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';

type Made = { readonly id: string; readonly key: string };

/** Every route that takes a key's id, with a body that is good. */
const READS: readonly (readonly [method: string, path: string])[] = [
  ['GET', ''],
  ['GET', '/policy'],
  ['GET', '/limits'],
  ['GET', '/rotation'],
  ['GET', '/analytics'],
  ['POST', '/simulate'],
  ['POST', '/usage/tickets'],
];
const CHANGES: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['PATCH', '', { name: 'changed' }],
  ['POST', '/disable'],
  ['POST', '/enable'],
  ['POST', '/signing-secret'],
  ['POST', '/rotate'],
  ['PATCH', '/rotation', { old_key_expires_at: '2030-01-01T00:00:00Z' }],
  ['POST', '/rotation/rollback'],
  ['POST', '/rotation', { schedule: '0 3 * * 1' }],
  ['DELETE', '/rotation'],
  ['POST', '/claim'],
];
/** What is refused after it was found out that the caller may change the key. */
const LATER = new Set(['conflict', 'invalid_request']);

let app: TestApp;
let people: People;
let team: string;
/** A developer who sees the team's keys, and one who manages them: as keys of their own. */
let sees: Made;
let manages: Made;
let teamsOwn: Made;
let ofTeam: Made;
let ofNobody: Made;
let ofOther: Made;
let shared: Made;
let sharedToManage: Made;
beforeAll(async () => {
  app = await startTestApp();
  people = await People.of(app);
  team = await people.team();
  const [seeing, managing, other] = [await people.user(), await people.user(), await people.user()];
  await people.joinTeam(team, seeing, { canManageKeys: false });
  await people.joinTeam(team, managing, { canManageKeys: true });
  const scopes = ['inference', 'keys:read', 'keys:write', 'usage:read', 'models:read'];
  const permissions = { data_access: { export_data: true, delete_data: true } };
  sees = await own(seeing, { scopes, permissions });
  manages = await own(managing, { scopes, permissions });
  ofOther = await own(other, {});
  ofTeam = await make({ type: 'team', scope: { team_id: team } });
  teamsOwn = await make({ type: 'team', scope: { team_id: team }, scopes });
  ofNobody = await make({});
  const member = { user_id: seeing, role: 'viewer' };
  shared = await make({ members: [{ ...member, can_manage_key: false }] });
  sharedToManage = await make({ members: [{ ...member, can_manage_key: true }] });
});
afterAll(async () => {
  await people.close();
  await app.close();
});

async function make(fields: Record<string, unknown>): Promise<Made> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'key', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

async function own(userId: string, fields: Record<string, unknown>): Promise<Made> {
  const made = await make(fields);
  await people.give(made.id, userId);
  return made;
}

async function ask(
  caller: Made,
  [method, path, body]: readonly [string, string, object?],
  id: string,
): Promise<string> {
  const answer = await app.call(method, `/v1/keys/${id}${path}`, { key: caller.key, body });
  const code = codeOf(answer) ?? String(answer.status);
  return LATER.has(code) || answer.status < 300 ? 'yes' : code;
}

async function answersOf(caller: Made, routes: typeof CHANGES, { id }: Made): Promise<Set<string>> {
  const answers = new Set<string>();
  for (const route of routes) answers.add(await ask(caller, route, id));
  return answers;
}

const YES = new Set(['yes']);
const HIDDEN = new Set(['not_found']);
const SEEN_ONLY = new Set(['escalation_denied']);

describe('Every route of a key', () => {
  it('hides what a developer does not reach', async () => {
    for (const caller of [sees, manages, teamsOwn]) {
      for (const hidden of [ofNobody, ofOther]) {
        expect(await answersOf(caller, [...READS, ...CHANGES, ['DELETE', '']], hidden)).toEqual(
          HIDDEN,
        );
      }
    }
    expect(await answersOf(teamsOwn, [...READS, ...CHANGES], sees)).toEqual(HIDDEN);
    expect(await answersOf(manages, [...READS, ...CHANGES], shared)).toEqual(HIDDEN);
  });

  it('shows the keys of the developer’s teams, and lets those change them who manage them', async () => {
    expect(await answersOf(sees, READS, ofTeam)).toEqual(YES);
    expect(await answersOf(sees, [...CHANGES, ['DELETE', '']], ofTeam)).toEqual(SEEN_ONLY);
    expect(await answersOf(manages, [...READS, ...CHANGES], ofTeam)).toEqual(YES);
    expect(await answersOf(teamsOwn, [...READS, ...CHANGES], ofTeam)).toEqual(YES);
  });

  it('shows a key to its members, and lets those change it who manage it', async () => {
    expect(await answersOf(sees, READS, shared)).toEqual(YES);
    expect(await answersOf(sees, [...CHANGES, ['DELETE', '']], shared)).toEqual(SEEN_ONLY);
    expect(await answersOf(sees, [...READS, ...CHANGES], sharedToManage)).toEqual(YES);
  });

  it('is open to who has a say in the organization', async () => {
    const admin = { id: '', key: await app.keyWith({ access_level: 'management' }) };
    for (const one of [ofNobody, ofOther, ofTeam, shared]) {
      expect(await answersOf(admin, [...READS.slice(0, 4), ...CHANGES.slice(0, 3)], one)).toEqual(
        YES,
      );
    }
  });
});

describe('Lists', () => {
  it('hold what the caller reaches, on every surface', async () => {
    const idsOf = async (path: string, key: string): Promise<unknown[]> => {
      const { body } = await app.call('GET', path, { key });
      return (body as { data: { id: string }[] }).data.map(({ id }) => id).sort();
    };
    for (const path of ['/v1/keys', '/v1/api-keys']) {
      const seen = [sees, ofTeam, teamsOwn, shared, sharedToManage].map(({ id }) => id).sort();
      expect(await idsOf(path, sees.key)).toEqual(seen);
      expect(await idsOf(path, teamsOwn.key)).toEqual([ofTeam.id, teamsOwn.id].sort());
      expect(await idsOf(`${path}?limit=200`, app.masterKey)).toContain(ofNobody.id);
    }
    const named = await make({ name: 'not-yours' });
    await make({ name: 'yours', scope: { team_id: team } });
    const { body } = await app.call('GET', '/manage/api-keys', { key: teamsOwn.key });
    const names = (body as { api_keys: { name: string }[] }).api_keys.map(({ name }) => name);
    expect(names).toContain('yours');
    expect(names).not.toContain('not-yours');
    const remove = (name: string) =>
      app.call('DELETE', '/manage/api-keys', { key: teamsOwn.key, body: { name } });
    expect((await remove('not-yours')).status).toBe(404);
    expect((await remove('yours')).status).toBe(200);
    const after = await app.call('GET', `/v1/keys/${named.id}`);
    expect(after.body).toMatchObject({ status: 'active' });
  });
});

describe('A policy that keys inherit from', () => {
  let names = 0;
  const policy = async (fields: object = {}): Promise<string> => {
    const body = { name: `reach ${++names}`, ...fields };
    const made = await app.call('POST', '/v1/policies', { body });
    return (made.body as Made).id;
  };
  const inheriting = (inherit_from: string, fields: object = {}): Promise<Made> =>
    make({ permissions: { inherit_from }, ...fields });
  const ofTheTeam = (): object => ({ type: 'team', scope: { team_id: team } });
  const change = (caller: Made, id: string): Promise<Answer> =>
    app.call('PATCH', `/v1/policies/${id}`, {
      key: caller.key,
      body: { permissions: { models: ['gpt-*'] } },
    });
  const remove = (caller: Made, id: string): Promise<Answer> =>
    app.call('DELETE', `/v1/policies/${id}`, { key: caller.key });

  function expectOutOfReach(answer: Answer, count: number): void {
    expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
    const { details, message } = (answer.body as { error: { details: unknown; message: string } })
      .error;
    expect(details).toEqual({ keys: count });
    expect(message).toContain(String(count));
    expect(JSON.stringify(answer.body)).not.toMatch(/key_\w{22}/);
  }

  it('is not changed or deleted by who reaches only some of them, also by way of another policy', async () => {
    const company = await policy();
    const below = await policy({ inherit_from: company });
    const [theirs] = [await inheriting(company), await inheriting(below, ofTheTeam())];
    await inheriting(below);
    const before = (await app.call('GET', `/v1/keys/${theirs.id}/policy`)).body;
    for (const caller of [manages, teamsOwn]) {
      expectOutOfReach(await change(caller, company), 2);
      expectOutOfReach(await change(caller, below), 1);
      expectOutOfReach(await remove(caller, below), 1);
      expectOutOfReach(await remove(caller, company), 2);
    }
    expect((await app.call('GET', `/v1/keys/${theirs.id}/policy`)).body).toEqual(before);
    expect((await app.call('GET', `/v1/policies/${company}`)).body).toMatchObject({ version: 1 });
  });

  it('is changed by who may change all of them, and not by who only sees them', async () => {
    const id = await policy();
    await inheriting(id, ofTheTeam());
    expectOutOfReach(await change(sees, id), 1);
    for (const caller of [manages, teamsOwn]) {
      expect((await change(caller, id)).status).toBe(200);
      expect(codeOf(await remove(caller, id))).toBe('conflict');
    }
  });

  it('is anybody’s whose key may have it once no key in use inherits', async () => {
    const [unused, left] = [await policy(), await policy()];
    const gone = await inheriting(left);
    expectOutOfReach(await remove(manages, left), 1);
    await app.call('DELETE', `/v1/keys/${gone.id}`);
    for (const id of [unused, left]) {
      expect((await change(manages, id)).status).toBe(200);
      expect((await remove(manages, id)).status).toBe(200);
    }
  });

  it('is changed and deleted by who has a say in the organization', async () => {
    const id = await policy();
    const { id: keyId } = await inheriting(id);
    const admin = { id: '', key: await app.keyWith({ access_level: 'management' }) };
    expect((await change(admin, id)).body).toMatchObject({ changed_keys: 1 });
    await app.call('DELETE', `/v1/keys/${keyId}`);
    expect((await remove(admin, id)).status).toBe(200);
  });
});

describe('What is of many keys', () => {
  it('is refused to who reaches only some, and given for those', async () => {
    for (const path of ['/v1/analytics', '/v1/usage/current', '/v1/requests']) {
      const answer = await app.call('GET', path, { key: sees.key });
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'operation_not_allowed']);
      expect((await app.call('GET', path)).status).toBe(200);
    }
    const statusOf = async (method: string, path: string) =>
      (await app.call(method, path, { key: sees.key })).status;
    expect(await statusOf('GET', `/v1/requests?key_id=${ofTeam.id}`)).toBe(200);
    expect(await statusOf('GET', `/v1/requests?key_id=${ofNobody.id}`)).toBe(404);
    const before = 'before=2026-01-01T00:00:00Z';
    expect(await statusOf('DELETE', `/v1/requests?${before}`)).toBe(403);
    expect(await statusOf('DELETE', `/v1/requests?${before}&key_id=${ofNobody.id}`)).toBe(404);
    expect(await statusOf('DELETE', `/v1/requests?${before}&key_id=${ofTeam.id}`)).toBe(200);
  });

  it('the keys of a policy are named to who reaches them', async () => {
    const policy = await app.call('POST', '/v1/policies', { body: { name: 'shared' } });
    const { id } = policy.body as { id: string };
    const permissions = { inherit_from: id };
    await make({ permissions });
    const reached = await make({ permissions, type: 'team', scope: { team_id: team } });
    await make({ permissions });
    for (const method of ['GET', 'POST']) {
      const body = method === 'POST' ? { permissions: { models: ['a'] } } : undefined;
      const call = { key: sees.key, ...(body && { body }) };
      const answer = await app.call(method, `/v1/policies/${id}/impact?limit=1`, call);
      expect(answer.body).toMatchObject({ data: [{ key_id: reached.id }], has_more: false });
      const all = await app.call(method, `/v1/policies/${id}/impact`, { ...(body && { body }) });
      expect((all.body as { data: unknown[] }).data).toHaveLength(3);
    }
  });

  it('a call is seen by who reaches its key', async () => {
    const call = async (key: string): Promise<string> => {
      const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
      const answer = await app.call('POST', '/v1/chat/completions', { key, body });
      expect(answer.status).toBe(200);
      return answer.headers.get('x-request-id') ?? '';
    };
    const [ours, theirs] = [await call(ofTeam.key), await call(ofOther.key)];
    const status = async (method: string, id: string, key: string) =>
      (await app.call(method, `/v1/requests/${id}`, { key })).status;
    expect(await status('GET', ours, sees.key)).toBe(200);
    expect(await status('GET', theirs, sees.key)).toBe(404);
    expect(await status('DELETE', theirs, sees.key)).toBe(404);
    const found = await app.call('GET', `/v1/requests/${theirs}`);
    expect(found.body).toMatchObject({ key_id: ofOther.id });
    expect((found.body as { user_id: string }).user_id).toMatch(/^user_/);
  });

  it('POST /v1/keys/verify knows only keys that the caller reaches', async () => {
    const verify = async (caller: string, key: string): Promise<unknown> =>
      (await app.call('POST', '/v1/keys/verify', { key: caller, body: { key } })).body;
    expect(await verify(sees.key, ofTeam.key)).toMatchObject({ valid: true });
    expect(await verify(sees.key, ofNobody.key)).toEqual({ valid: false, code: 'invalid_api_key' });
    expect(await verify(app.masterKey, ofNobody.key)).toMatchObject({ valid: true });
  });
});
