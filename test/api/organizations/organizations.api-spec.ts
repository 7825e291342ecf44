import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';

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
        leaked_keys: 'revoke',
        unclaimed_secrets: 'extend',
        expiry_reminder_days: [30, 7, 1],
        unused_key_days: null,
        unused_key_action: 'notify',
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
