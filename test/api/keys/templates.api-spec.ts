import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

type Made = { readonly id: string; readonly key: string; readonly version: number };
type Body = Record<string, unknown>;

let app: TestApp;
let names = 0;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.close();
});

async function ask<Result = Body>(method: string, path: string, body?: unknown): Promise<Result> {
  const answer = await app.call(method, path, { ...(body !== undefined && { body }) });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body as Result;
}

async function template(fields: Body = {}): Promise<{ id: string; name: string }> {
  return ask('POST', '/v1/policies', { name: `policy ${++names}`, ...fields });
}

/** A key that is made from a template. */
async function keyFrom(inherit_from: string, own: Body = {}, fields: Body = {}): Promise<Made> {
  const permissions = { inherit_from, ...own };
  return ask('POST', '/v1/keys', { name: 'made', permissions, ...fields });
}

type KeyPolicy = {
  policy: { permissions: { models: { allowed: string[] | null } }; rate_limits: Body };
  sources: Record<string, string[]>;
  inherit_from: string | null;
  overrides: Body | null;
  version: number;
};
const policyOf = (id: string): Promise<KeyPolicy> => ask('GET', `/v1/keys/${id}/policy`);

async function modelsOf(id: string): Promise<string[] | null> {
  return (await policyOf(id)).policy.permissions.models.allowed;
}

function refusal(answer: Answer): unknown[] {
  const { error } = answer.body as { error: { param: string | null } };
  return [answer.status, codeOf(answer), error.param];
}

const chat = (key: string, model: string): Promise<Answer> =>
  app.call('POST', '/v1/chat/completions', {
    key,
    body: { model, messages: [{ role: 'user', content: 'x' }] },
  });

describe('POST /v1/policies', () => {
  it('makes a template, which is answered as it was given', async () => {
    const given = {
      name: 'as given',
      description: 'Why',
      permissions: { models: ['gpt-*'], max_cost_per_day: 20 },
      security: { network_restrictions: { require_https: true } },
    };
    const answer = await app.call('POST', '/v1/policies', { body: given });
    expect([answer.status, answer.headers.get('etag')]).toEqual([201, '"1"']);
    expect(answer.body).toMatchObject({ ...given, inherit_from: null, restrictions: null });
    const { id } = answer.body as Made;
    expect(id).toMatch(/^pol_\w{22}$/);
    expect(await ask('GET', `/v1/policies/${id}`)).toEqual(answer.body);
    const { data } = await ask<{ data: Made[] }>('GET', '/v1/policies');
    expect(data.map((one) => one.id)).toContain(id);
  });

  it.each<[Body, string]>([
    [{ permissions: { modles: [] } }, 'permissions.modles'],
    [{ permissions: { inherit_from: 'x' } }, 'permissions.inherit_from'],
    [{ rate_limits: { requests: { burst_size: 5 } } }, 'rate_limits.requests.burst_size'],
    [{ name: 'pol_mine' }, 'name'],
    [{ audit: {} }, 'audit'],
  ])('refuses %j', async (fields, param) => {
    const answer = await app.call('POST', '/v1/policies', { body: { name: 'wrong', ...fields } });
    expect(refusal(answer)).toEqual([400, 'invalid_request', param]);
  });

  it('refuses a name that is taken, and a parent that is not there', async () => {
    const { name } = await template();
    const again = await app.call('POST', '/v1/policies', { body: { name } });
    expect(refusal(again)).toEqual([409, 'conflict', 'name']);
    const body = { name: 'orphan', inherit_from: 'nobody' };
    const orphan = await app.call('POST', '/v1/policies', { body });
    expect(refusal(orphan)).toEqual([404, 'not_found', 'inherit_from']);
  });

  it('lets nobody write what he has not himself', async () => {
    const scopes = ['keys:read', 'keys:write', 'inference'];
    const key = await app.keyWith({ scopes, permissions: { models: ['gpt-*'] } });
    const write = (models: string[] | null): Promise<Answer> =>
      app.call('POST', '/v1/policies', {
        key,
        body: { name: `by a lesser key ${++names}`, permissions: { models } },
      });
    expect((await write(['gpt-4o'])).status).toBe(201);
    for (const models of [['claude-*'], null]) {
      const field = 'permissions.models.allowed';
      expect(refusal(await write(models))).toEqual([403, 'escalation_denied', field]);
    }
    const { id } = await template({ permissions: { models: ['gpt-4o'] } });
    const wider = { key, body: { permissions: { models: ['claude-*'] } } };
    expect(codeOf(await app.call('PATCH', `/v1/policies/${id}`, wider))).toBe('escalation_denied');
    const open = await template();
    const deleted = await app.call('DELETE', `/v1/policies/${open.id}`, { key });
    expect(codeOf(deleted)).toBe('escalation_denied');
  });

  it('lets ten stand one upon the other, and no more', async () => {
    let parent = await template();
    const first = parent.id;
    for (let level = 2; level <= 10; level++)
      parent = await template({ inherit_from: parent.name });
    const eleventh = { body: { name: 'eleventh', inherit_from: parent.id } };
    const answer = await app.call('POST', '/v1/policies', eleventh);
    expect(refusal(answer)).toEqual([400, 'invalid_request', 'inherit_from']);
    const above = await template();
    const lifted = { body: { inherit_from: above.id } };
    const moved = await app.call('PATCH', `/v1/policies/${first}`, lifted);
    expect(refusal(moved)).toEqual([400, 'invalid_request', 'inherit_from']);
  });
});

describe('a key that is made from a policy', () => {
  it('is the one of the known example', async () => {
    await template({ name: 'team_default', permissions: { features: ['chat_completion'] } });
    const made = await ask<Made>('POST', '/v1/keys', {
      name: 'Frontend Team Key',
      permissions: {
        inherit_from: 'team_default',
        overrides: { models: ['gpt-3.5-turbo'], max_cost_per_day: 20.0 },
      },
    });
    expect(await policyOf(made.id)).toMatchObject({
      policy: {
        permissions: {
          models: { allowed: ['gpt-3.5-turbo'] },
          features: { allowed: ['chat_completion', 'streaming'] },
        },
        rate_limits: { costs: { per_day_max: 20 } },
      },
      sources: {
        'permissions.models.allowed': ['key'],
        'permissions.features.allowed': ['template'],
        'permissions.operations': ['default'],
      },
      overrides: { permissions: { models: { allowed: ['gpt-3.5-turbo'] } } },
    });
  });

  it('is made from all that the policy is built upon', async () => {
    const company = await template({
      permissions: { models: ['sandbox/*'], operations: ['write'] },
    });
    const team = await template({
      inherit_from: company.name,
      permissions: { models: ['sandbox/echo'], features: { vision: false } },
    });
    const { id, key } = await keyFrom(team.name, {}, { restrictions: { user_agents: ['A'] } });
    expect(await policyOf(id)).toMatchObject({
      inherit_from: team.id,
      policy: { permissions: { models: { allowed: ['sandbox/echo'] }, operations: ['write'] } },
      sources: { 'security.domain_restrictions.user_agents': ['key'] },
    });
    const allowed = await app.call('POST', '/v1/chat/completions', {
      key,
      headers: { 'user-agent': 'A' },
      body: { model: 'sandbox/lorem', messages: [{ role: 'user', content: 'x' }] },
    });
    expect(codeOf(allowed)).toBe('model_not_allowed');
    expect(await ask('GET', `/v1/policies/${team.id}/effective`)).toMatchObject({
      version: 1,
      policy: { permissions: { models: { allowed: ['sandbox/echo'] }, operations: ['write'] } },
      sources: { 'permissions.operations': ['template'], 'permissions.models.denied': ['default'] },
      set_by: {
        'permissions.operations': company.id,
        'permissions.models.allowed': team.id,
      },
    });
  });

  it('gets nothing that its creator has not', async () => {
    const wide = await template({ permissions: { models: ['gpt-*', 'claude-*'] } });
    const open = await template();
    const scopes = ['keys:read', 'keys:write', 'inference'];
    const key = await app.keyWith({ scopes, permissions: { models: ['gpt-*'] } });
    const make = (permissions: Body): Promise<Answer> =>
      app.call('POST', '/v1/keys', {
        key,
        body: { name: 'x', scopes: ['inference'], permissions },
      });
    const denied = [403, 'escalation_denied'];
    expect(refusal(await make({ inherit_from: wide.id }))).toEqual([
      ...denied,
      'permissions.models.allowed',
    ]);
    const own = { inherit_from: wide.id, overrides: { models: ['gpt-4o'] } };
    expect((await make(own)).status).toBe(201);
    const all = { inherit_from: open.id, overrides: { all_models: true } };
    expect(refusal(await make(all))).toEqual([...denied, 'permissions.all_models']);
    const made = await make({ inherit_from: open.id });
    expect(await modelsOf((made.body as Made).id)).toEqual(['gpt-*']);
  });

  it.each<[Body, number, string]>([
    [{ inherit_from: 'nobody' }, 404, 'permissions.inherit_from'],
    [{ inherit_from: 7 }, 400, 'permissions.inherit_from'],
    [{ overrides: { models: ['x'] } }, 400, 'permissions.overrides'],
    [{ inherit_from: 'base', overrides: [] }, 400, 'permissions.overrides'],
    [
      { inherit_from: 'base', models: ['x'], overrides: { models: ['y'] } },
      400,
      'permissions.overrides.models',
    ],
    [
      { inherit_from: 'base', overrides: { inherit_from: 'base' } },
      400,
      'permissions.inherit_from',
    ],
  ])('is refused as %j', async (permissions, status, param) => {
    await app.call('POST', '/v1/policies', { body: { name: 'base' } });
    const answer = await app.call('POST', '/v1/keys', { body: { name: 'x', permissions } });
    const [answered, , named] = refusal(answer);
    expect([answered, named]).toEqual([status, param]);
  });

  it('is an ordinary key where null is said', async () => {
    const permissions = { inherit_from: null, overrides: null, models: ['x'] };
    const { id } = await ask<Made>('POST', '/v1/keys', { name: 'x', permissions });
    expect(await policyOf(id)).toMatchObject({ inherit_from: null, overrides: null });
  });

  it('has a policy that can be sent back as it is, to it and as another key', async () => {
    const { id: from } = await template({
      permissions: { models: ['sandbox/*'], features: { vision: false } },
      rate_limits: { requests: { per_second: 5, burst_size: 9 } },
    });
    const { id } = await keyFrom(from, { overrides: { features: { audio_input: false } } });
    const { policy } = await policyOf(id);
    const copy = await ask<Made>('POST', '/v1/keys', { name: 'copy', ...policy });
    expect((await policyOf(copy.id)).policy).toEqual(policy);
    await ask('PATCH', `/v1/keys/${id}`, policy);
    expect((await policyOf(id)).policy).toEqual(policy);
  });
});

describe('PATCH /v1/policies/{id}', () => {
  it('changes every key that inherits, directly or not, and no other', async () => {
    const company = await template({ permissions: { models: ['sandbox/echo', 'sandbox/lorem'] } });
    const team = await template({
      inherit_from: company.id,
      rate_limits: { requests: { per_day: 9 } },
    });
    const other = await template({ permissions: { models: ['sandbox/lorem'] } });
    const [direct, below, apart, own] = [
      await keyFrom(company.id),
      await keyFrom(team.id),
      await keyFrom(other.id),
      await keyFrom(company.id, { overrides: { models: ['sandbox/lorem'] } }),
    ];
    expect((await chat(below.key, 'sandbox/lorem')).status).toBe(200);
    const changed = await app.call('PATCH', `/v1/policies/${company.id}`, {
      body: { permissions: { models: ['sandbox/echo'] } },
    });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(changed.body).toMatchObject({ version: 2, changed_keys: 2 });
    for (const { key } of [direct, below]) {
      expect(codeOf(await chat(key, 'sandbox/lorem'))).toBe('model_not_allowed');
    }
    for (const { key } of [apart, own]) {
      expect((await chat(key, 'sandbox/lorem')).status).toBe(200);
    }
    expect(await policyOf(below.id)).toMatchObject({
      version: 2,
      policy: { rate_limits: { requests: { per_day: 9 } } },
    });
    expect((await policyOf(own.id)).version).toBe(1);
  });

  it('gives no key more than its creator could grant', async () => {
    const { id: from } = await template({ permissions: { models: ['gpt-4o'] } });
    const scopes = ['keys:write', 'inference'];
    const key = await app.keyWith({ scopes, permissions: { models: ['gpt-*'] } });
    const body = { name: 'x', scopes: ['inference'], permissions: { inherit_from: from } };
    const { id } = (await app.call('POST', '/v1/keys', { key, body })).body as Made;
    const set = (models: unknown): Promise<Body> =>
      ask('PATCH', `/v1/policies/${from}`, { permissions: { models } });
    await set(['gpt-4o', 'gpt-5', 'claude-*']);
    expect(await modelsOf(id)).toEqual(['gpt-4o', 'gpt-5']);
    await set(null);
    expect(await modelsOf(id)).toEqual(['gpt-*']);
    await set(['gpt-5']);
    expect(await modelsOf(id)).toEqual(['gpt-5']);
  });

  it('replaces a part as a whole, leaves out what is absent, and remembers what was', async () => {
    const { id } = await template({
      permissions: { models: ['a'], operations: ['read'] },
      rate_limits: { requests: { per_day: 5 } },
    });
    await ask('PATCH', `/v1/policies/${id}`, { permissions: { models: ['b'] }, description: 'b' });
    const now = await ask('PATCH', `/v1/policies/${id}`, { rate_limits: null });
    expect(now).toMatchObject({
      permissions: { models: ['b'] },
      rate_limits: null,
      description: 'b',
      version: 3,
    });
    type Versions = { data: Body[]; next_cursor: string };
    const path = `/v1/policies/${id}/versions?limit=2`;
    const { data, next_cursor: cursor } = await ask<Versions>('GET', path);
    expect(data.map(({ version }) => version)).toEqual([3, 2]);
    const rest = await ask<Versions>('GET', `${path}&cursor=${cursor}`);
    expect(rest.data).toMatchObject([
      { version: 1, permissions: { models: ['a'], operations: ['read'] }, description: null },
    ]);
  });

  it('is made only to the version that was read, and of several at once none is lost', async () => {
    const { id } = await template({ permissions: { models: ['sandbox/echo'] } });
    const { id: keyId } = await keyFrom(id);
    const set = (per_day: number, headers = {}): Promise<Answer> =>
      app.call('PATCH', `/v1/policies/${id}`, {
        body: { rate_limits: { requests: { per_day } } },
        headers,
      });
    const twice = await Promise.all([1, 2].map((per_day) => set(per_day, { 'if-match': '"1"' })));
    expect(twice.map(({ status }) => status).toSorted()).toEqual([200, 412]);
    const many = await Promise.all([3, 4, 5, 6].map((per_day) => set(per_day)));
    const versions = many.map(({ body }) => (body as Made).version);
    expect(versions.toSorted()).toEqual([3, 4, 5, 6]);
    const last = many.find(({ body }) => (body as Made).version === 6)?.body as Body;
    const { policy } = await policyOf(keyId);
    expect(policy.rate_limits).toMatchObject(last.rate_limits as Body);
  });

  it('makes no cycle, not even from two sides at once', async () => {
    const one = await template();
    const set = (id: string, inherit_from: string): Promise<Answer> =>
      app.call('PATCH', `/v1/policies/${id}`, { body: { inherit_from } });
    const itself = await set(one.id, one.id);
    expect(refusal(itself)).toEqual([400, 'invalid_request', 'inherit_from']);
    for (let round = 0; round < 5; round++) {
      const [left, right] = [await template(), await template()];
      const both = await Promise.all([set(left.id, right.id), set(right.id, left.id)]);
      expect(both.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    }
  });

  it('gives keys that must sign a signing secret, which nobody has seen', async () => {
    const { id: from } = await template();
    const { id, key } = await keyFrom(from);
    const authentication = { require_signature: true };
    await ask('PATCH', `/v1/policies/${from}`, { security: { authentication } });
    expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('signature_required');
    const { signing_secret: secret } = await ask('POST', `/v1/keys/${id}/signing-secret`);
    expect(secret).toMatch(/^lsig_/);
    await ask('PATCH', `/v1/policies/${from}`, { security: null });
    expect((await app.call('GET', '/v1/key', { key })).status).toBe(200);
  });

  it('has keys that are just being made follow as well', async () => {
    const { id: from } = await template({ permissions: { models: ['a'] } });
    const [made] = await Promise.all([
      Promise.all([1, 2, 3].map(() => keyFrom(from))),
      ask('PATCH', `/v1/policies/${from}`, { permissions: { models: ['b'] } }),
      Promise.all([4, 5, 6].map(() => keyFrom(from))),
    ]);
    for (const { id } of made) expect(await modelsOf(id)).toEqual(['b']);
  });
});

describe('PATCH of a key that is made from a policy', () => {
  it('changes what it says itself, which outlives changes of the policy', async () => {
    const { id: from } = await template({ permissions: { models: ['a', 'b'] } });
    const { id } = await keyFrom(from);
    await ask('PATCH', `/v1/keys/${id}`, { rate_limits: { requests: { per_day: 7 } } });
    await ask('PATCH', `/v1/keys/${id}`, { permissions: { overrides: { models: ['b'] } } });
    await ask('PATCH', `/v1/policies/${from}`, {
      permissions: { models: ['c'], operations: ['write'] },
      rate_limits: { requests: { per_day: 1_000 } },
    });
    expect(await policyOf(id)).toMatchObject({
      policy: {
        permissions: { models: { allowed: ['b'] }, operations: ['write'] },
        rate_limits: { requests: { per_day: 7 } },
      },
      overrides: {
        permissions: { models: { allowed: ['b'] } },
        rate_limits: { requests: { per_day: 7 } },
      },
    });
  });

  it('cuts the tie with null, and leaves the policy as it is', async () => {
    const { id: from } = await template({ permissions: { models: ['a'] } });
    const { id } = await keyFrom(from);
    const { policy } = await policyOf(id);
    await ask('PATCH', `/v1/keys/${id}`, { permissions: { inherit_from: null } });
    await ask('PATCH', `/v1/policies/${from}`, { permissions: { models: ['b'] } });
    expect(await policyOf(id)).toMatchObject({
      policy,
      inherit_from: null,
      overrides: null,
      sources: { 'permissions.models.allowed': ['key'] },
    });
    expect((await app.call('DELETE', `/v1/policies/${from}`)).status).toBe(200);
  });

  it('makes it anew from another policy, and from a first one', async () => {
    const [first, second] = [
      await template({ permissions: { models: ['a'] } }),
      await template({ permissions: { operations: ['write'] } }),
    ];
    const { id } = await keyFrom(first.id, { overrides: { features: ['embeddings'] } });
    await ask('PATCH', `/v1/keys/${id}`, { permissions: { inherit_from: second.name } });
    expect(await policyOf(id)).toMatchObject({
      inherit_from: second.id,
      overrides: {},
      policy: { permissions: { models: { allowed: null }, operations: ['write'] } },
    });
    const plain = await ask<Made>('POST', '/v1/keys', { name: 'plain' });
    await ask('PATCH', `/v1/keys/${plain.id}`, { permissions: { inherit_from: first.id } });
    expect(await modelsOf(plain.id)).toEqual(['a']);
  });

  it('gives it no more than the key has that makes the change', async () => {
    const { id: from } = await template({ permissions: { models: ['gpt-4o'] } });
    const { id } = await keyFrom(from);
    const scopes = ['keys:write', 'inference', 'models:read'];
    const key = await app.keyWith({ scopes, permissions: { models: ['gpt-*'] } });
    const set = (permissions: Body): Promise<Answer> =>
      app.call('PATCH', `/v1/keys/${id}`, { key, body: { permissions } });
    const denied = await set({ overrides: { models: ['claude-*'] } });
    expect(refusal(denied)).toEqual([403, 'escalation_denied', 'permissions.models']);
    expect((await set({ overrides: { models: null } })).status).toBe(200);
    // As that key's, and not more when the policy is opened afterwards.
    await ask('PATCH', `/v1/policies/${from}`, { permissions: null });
    expect(await modelsOf(id)).toEqual(['gpt-*']);
  });
});

describe('what hangs on a policy', () => {
  it('is listed, and told what a change would do to it', async () => {
    const company = await template({
      permissions: { models: ['a', 'b'] },
      rate_limits: { costs: { per_day_max: 10 } },
    });
    const team = await template({ inherit_from: company.id });
    const [first, second] = [await keyFrom(company.id), await keyFrom(team.id)];
    const revoked = await keyFrom(team.id);
    await ask('DELETE', `/v1/keys/${revoked.id}`);
    type Page = { data: { key_id: string }[]; next_cursor: string };
    const path = `/v1/policies/${company.id}/impact`;
    const page = await ask<Page>('GET', `${path}?limit=1`);
    expect(page.data).toMatchObject([{ key_id: second.id, inherit_from: team.id, overrides: {} }]);
    const rest = await ask<Page>('GET', `${path}?limit=1&cursor=${page.next_cursor}`);
    expect(rest.data.map(({ key_id }) => key_id)).toEqual([first.id]);
    const change = {
      permissions: { models: ['b', 'c'], operations: ['read'] },
      rate_limits: { costs: { per_day_max: 20 } },
    };
    const foreseen = await ask<Page>('POST', path, change);
    const difference = {
      wider: ['rate_limits.costs.per_day_max'],
      narrower: ['permissions.operations'],
      different: ['permissions.models.allowed'],
    };
    expect(foreseen.data).toEqual([
      { key_id: second.id, name: 'made', ...difference },
      { key_id: first.id, name: 'made', ...difference },
    ]);
    expect(await modelsOf(first.id)).toEqual(['a', 'b']);
    expect(await ask('GET', `/v1/policies/${company.id}`)).toMatchObject({ version: 1 });
  });

  it('keeps it from being deleted', async () => {
    const company = await template();
    const team = await template({ inherit_from: company.id });
    const { id } = await keyFrom(team.id);
    const remove = (from: string): Promise<Answer> => app.call('DELETE', `/v1/policies/${from}`);
    const details = (answer: Answer): unknown =>
      (answer.body as { error: { details: unknown } }).error.details;
    const [above, used] = [await remove(company.id), await remove(team.id)];
    expect([above.status, details(above)]).toEqual([409, { keys: 0, policies: 1 }]);
    expect([used.status, details(used)]).toEqual([409, { keys: 1, policies: 0 }]);
    await ask('DELETE', `/v1/keys/${id}`);
    expect((await remove(team.id)).status).toBe(200);
    expect((await remove(company.id)).status).toBe(200);
    expect((await remove(company.id)).status).toBe(404);
  });
});

describe('docs/policy.md', () => {
  it.skipIf(!isInstalled('curl'))('has commands of templates that work as they stand', async () => {
    const env: Record<string, string> = { LATCHKEY_KEY: app.masterKey };
    const run = async (part: string): Promise<Body[]> => {
      const block = blocksOf('docs/policy.md', 'sh').find((one) => one.includes(part)) ?? '';
      const command = block.replaceAll('http://127.0.0.1:3000', app.origin);
      const answers = (await runProgram('sh', ['-c', command], { env })).replaceAll('}{', '},{');
      return JSON.parse(`[${answers}]`) as Body[];
    };
    const [made, key] = await run('"inherit_from": "support_default"');
    expect(made).toMatchObject({ name: 'support_default', version: 1 });
    env.POLICY_ID = made?.id as string;
    expect(key).toMatchObject({ policy: { rate_limits: { costs: { per_day_max: 20 } } } });
    expect((await run('/impact'))[0]).toMatchObject({
      data: [{ key_id: key?.id, narrower: ['permissions.models.allowed'] }],
    });
    const [changed] = await run('PATCH http://127.0.0.1:3000/v1/policies');
    expect(changed).toMatchObject({ changed_keys: 1 });
  });
});
