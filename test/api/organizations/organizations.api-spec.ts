import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { refusalOf, Structure } from './structure.harness.js';

let app: TestApp;
let path: string;
beforeAll(async () => {
  app = await startTestApp();
  const { body } = await app.call('GET', '/v1/key');
  path = `/v1/organizations/${(body as { organization_id: string }).organization_id}`;
});
afterAll(() => app.close());

function change(body: unknown, key?: string): Promise<Answer> {
  return app.call('PATCH', path, { body, ...(key !== undefined && { key }) });
}

describe('GET /v1/organizations/{id}', () => {
  it('200: the caller’s own, which revokes leaked keys unless it was told otherwise', async () => {
    const reader = await app.keyWith({ scopes: ['org:read'] });
    const answer = await app.call('GET', path, { key: reader });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id: path.split('/').at(-1),
        name: 'Default',
        status: 'active',
        leaked_keys: 'revoke',
        unclaimed_secrets: 'extend',
        expiry_reminder_days: [30, 7, 1],
        unused_key_days: null,
        unused_key_action: 'notify',
        suspicious_keys: 'notify',
        audit_retention_days: 90,
        approval_expiry_hours: 168,
        approval_budget_threshold: null,
        created_at: expect.stringMatching(/^20.*Z$/) as string,
      },
    ]);
  });

  it.each(['org_x', newId('organization'), 'x', '%20'])('404: %s', async (id) => {
    const answer = await app.call('GET', `/v1/organizations/${id}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });

  it('403: a key without org:read', async () => {
    const key = await app.keyWith({ scopes: ['keys:read', 'org:write'] });
    expect(codeOf(await app.call('GET', path, { key }))).toBe('insufficient_scope');
  });
});

describe('PATCH /v1/organizations/{id}', () => {
  it('200: changes what is given, and nothing else', async () => {
    const writer = await app.keyWith({ scopes: ['org:write'] });
    const disable = await change({ leaked_keys: 'disable' }, writer);
    expect(disable.body).toMatchObject({ name: 'Default', leaked_keys: 'disable' });
    expect((await change({}, writer)).body).toEqual(disable.body);
    expect((await app.call('GET', path)).body).toEqual(disable.body);
    const both = { leaked_keys: 'revoke', unclaimed_secrets: 'lapse' };
    expect((await change(both, writer)).body).toMatchObject(both);
    const extend = await change({ unclaimed_secrets: 'extend' }, writer);
    expect(extend.body).toMatchObject({ leaked_keys: 'revoke', unclaimed_secrets: 'extend' });
  });

  it('200: takes what it wants done with its keys as time goes by', async () => {
    const changed = await change({
      expiry_reminder_days: [1, 365],
      unused_key_days: 90,
      unused_key_action: 'disable',
    });
    const settings = {
      expiry_reminder_days: [365, 1],
      unused_key_days: 90,
      unused_key_action: 'disable',
    };
    expect([changed.status, changed.body]).toMatchObject([200, settings]);
    const none = await change({ expiry_reminder_days: [], unused_key_days: null });
    expect(none.body).toMatchObject({
      expiry_reminder_days: [],
      unused_key_days: null,
      unused_key_action: 'disable',
    });
  });

  it.each([
    [{ leaked_keys: 'ignore' }, 'leaked_keys'],
    [{ leaked_keys: '' }, 'leaked_keys'],
    [{ unclaimed_secrets: 'forget' }, 'unclaimed_secrets'],
    [{ leaked_keys: ['disable'] }, 'leaked_keys'],
    [{ expiry_reminder_days: [0] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: [366] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: [1.5] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: ['7'] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: [7, 7] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: [1, 2, 3, 4, 5, 6] }, 'expiry_reminder_days'],
    [{ expiry_reminder_days: 7 }, 'expiry_reminder_days'],
    [{ unused_key_days: 0 }, 'unused_key_days'],
    [{ unused_key_days: 366 }, 'unused_key_days'],
    [{ unused_key_action: 'revoke' }, 'unused_key_action'],
    [{ name: 'x' }, 'name'],
    [{ id: 'org_x' }, 'id'],
  ])('400: %j', async (body, param) => {
    const answer = await change(body);
    expect([answer.status, answer.body]).toMatchObject([400, { error: { param } }]);
  });

  it('404: another one', async () => {
    const answer = await app.call('PATCH', `/v1/organizations/${newId('organization')}`, {
      body: { leaked_keys: 'disable' },
    });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });

  it('403: a key without org:write', async () => {
    const key = await app.keyWith({ scopes: ['org:read'] });
    expect(codeOf(await change({}, key))).toBe('insufficient_scope');
  });
});

describe('GET and POST /v1/organizations', () => {
  let master: Structure;
  beforeAll(async () => {
    master = await Structure.start();
  });
  afterAll(() => master.app.close());

  const idsOf = ({ data }: Record<string, unknown>): string[] =>
    (data as { id: string }[]).map(({ id }) => id);

  it('lists all for a master key, in pages, and the caller’s own for every other', async () => {
    const { masterKey } = master.app;
    const list = (query: string, key: string): Promise<Record<string, unknown>> =>
      master.succeed('GET', `/v1/organizations${query}`, undefined, key);
    const made = await master.succeed('POST', '/v1/organizations', { name: 'New' }, masterKey);
    expect(made).toMatchObject({ name: 'New', status: 'active', leaked_keys: 'revoke' });
    const all = [made.id, master.other.id, master.id];
    expect(idsOf(await list('', masterKey))).toEqual(all);
    const first = await list('?limit=1', masterKey);
    const rest = await list(`?cursor=${first.next_cursor as string}`, masterKey);
    expect([...idsOf(first), ...idsOf(rest)]).toEqual(all);
    expect(idsOf(await list('', master.admin))).toEqual([master.id]);
    expect(idsOf(await list('', master.other.admin))).toEqual([master.other.id]);
    const turned = await list(`?cursor=${first.next_cursor as string}`, master.other.admin);
    expect(turned).toEqual({ data: [], has_more: false, next_cursor: null });
  });

  it('lets a master key see and change another organization, and nobody else', async () => {
    const path = `/v1/organizations/${master.other.id}`;
    const { masterKey } = master.app;
    const changed = await master.succeed('PATCH', path, { unused_key_days: 9 }, masterKey);
    expect(await master.succeed('GET', path, undefined, masterKey)).toEqual(changed);
    expect(refusalOf(await master.call('GET', path))).toEqual([404, 'not_found', null]);
  });

  it('suspends and resumes one, but not the default one', async () => {
    const { masterKey } = master.app;
    const path = `/v1/organizations/${master.other.id}`;
    for (const [verb, status] of [
      ['suspend', 'suspended'],
      ['suspend', 'suspended'],
      ['resume', 'active'],
    ]) {
      const changed = await master.succeed('POST', `${path}/${verb}`, undefined, masterKey);
      expect(changed).toMatchObject({ id: master.other.id, status });
      expect(await master.succeed('GET', path, undefined, masterKey)).toEqual(changed);
    }
    const own = `/v1/organizations/${master.id}/suspend`;
    const refused = await master.call('POST', own, undefined, masterKey);
    expect(refusalOf(refused)).toEqual([409, 'conflict', null]);
  });

  it('403: only a master key makes, suspends and resumes them', async () => {
    const before = await master.stored();
    const denied = [403, 'escalation_denied', null];
    const hidden = [404, 'not_found', null];
    for (const [path, refusal, body] of [
      ['', denied, { name: 'Mine' }],
      [`/${master.id}/suspend`, denied],
      [`/${master.id}/resume`, denied],
      [`/${master.other.id}/suspend`, hidden],
      [`/${master.other.id}/resume`, hidden],
      [`/${newId('organization')}/suspend`, hidden],
    ] as const) {
      const refused = await master.call('POST', `/v1/organizations${path}`, body);
      expect(refusalOf(refused)).toEqual(refusal);
    }
    expect(await master.stored()).toBe(before);
  });
});
