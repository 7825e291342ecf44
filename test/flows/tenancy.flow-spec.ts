import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { OPERATIONS } from '../contract/api-document.js';
import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { insertDelivery } from '../support/deliveries.js';
import { SocketClient } from '../support/live-clients.js';
import { foundOrganization } from '../support/organizations.js';
import {
  changesBetween,
  settledState,
  type StoredState,
  storedState,
} from '../support/stored-state.js';
import { furnish, PRICE } from './furnished-tenant.harness.js';
import { BODIES, comparable, neverIssued, QUERIES, type Tenant } from './tenants.harness.js';

const rootKey = randomBytes(32);
let app: TestApp;
let ours: Tenant;
let theirs: Tenant;
/** Before the first call across organizations. */
let atFirst: StoredState;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_SECRET_KEY: rootKey.toString('base64') } });
  // With rights over data, as theirs, which nothing restricts.
  const permissions = { data_access: { export_data: true, delete_data: true } };
  ours = await furnish(app, 'ours', await app.keyWith({ access_level: 'admin', permissions }));
  theirs = await furnish(app, 'theirs', (await foundOrganization(app, rootKey)).admin);
  atFirst = await settledState(app.databaseUrl);
});
afterAll(async () => {
  await app.close();
  await Promise.all([ours, theirs].map(({ upstream }) => upstream.close()));
});

const stored = (): Promise<StoredState> => storedState(app.databaseUrl);

async function expectUnchanged(before: StoredState): Promise<void> {
  expect(changesBetween(before, await stored())).toEqual([]);
}

describe('another organization’s object', () => {
  const byId = OPERATIONS.filter(({ path }) => path.includes('{id}'));

  it('is asked for by every operation that takes an id', () => {
    expect(byId.map(({ operationId }) => operationId).toSorted()).toEqual([
      'approve',
      'approveKey',
      'claimKeySecret',
      'createUsageTicket',
      'deleteApiKey',
      'deleteBudget',
      'deleteBudget_manage',
      'deleteBudget_v1',
      'deleteExport',
      'deleteInvitation',
      'deleteMember',
      'deleteNotificationEmail',
      'deletePolicy',
      'deleteProject',
      'deleteProvider',
      'deleteRequestBodies',
      'deleteRole',
      'deleteRoute',
      'deleteServiceAccount',
      'deleteTeam',
      'deleteTeamMember',
      'deleteWebhook',
      'disableKey',
      'downloadExport',
      'enableKey',
      'endKeyRotation',
      'exportKeyAudit',
      'foreseePolicyChange',
      'getApproval',
      'getAuditEntry',
      'getEffectivePolicy',
      'getExport',
      'getExportFile',
      'getKey',
      'getKeyAnalytics',
      'getKeyLimits',
      'getKeyPolicy',
      'getKeyRotation',
      'getMember',
      'getOrganization',
      'getPolicy',
      'getProject',
      'getProvider',
      'getRequest',
      'getRole',
      'getRoute',
      'getServiceAccount',
      'getTeam',
      'getWebhook',
      'listKeyAudit',
      'listPolicyKeys',
      'listPolicyVersions',
      'listTeamMembers',
      'listWebhookDeliveries',
      'moveKeyCutOff',
      'putTeamMember',
      'reissueSigningSecret',
      'reject',
      'rejectKey',
      'replayWebhookDelivery',
      'resumeOrganization',
      'resumeServiceAccount',
      'resumeTeam',
      'resumeUser',
      'revokeKey',
      'rollBackKeyRotation',
      'rotateKey',
      'rotateWebhookSecret',
      'setKeyRotation',
      'simulateRequest',
      'streamKeyUsageEvents',
      'suspendOrganization',
      'suspendServiceAccount',
      'suspendTeam',
      'suspendUser',
      'testWebhook',
      'updateKey',
      'updateMember',
      'updateOrganization',
      'updatePolicy',
      'updateProject',
      'updateProvider',
      'updateRole',
      'updateRoute',
      'updateServiceAccount',
      'updateTeam',
      'updateWebhook',
      'withdrawApproval',
    ]);
  });

  it.each(byId.map((operation) => [operation.operationId, operation] as const))(
    '%s answers as if there were no such thing, and changes nothing',
    async (operationId, { method, path }) => {
      const kind = path.split('/').find((part) => part in ours.ids) as keyof Tenant['ids'];
      // The Management API's errors are texts without a code.
      const code = path.includes('/manage/') ? undefined : 'not_found';
      const ask = (key: string, id: string): Promise<Answer> => {
        const body = BODIES[operationId];
        const query = QUERIES[operationId] ?? '';
        return app.call(method, path.replace('{id}', id) + query, {
          key,
          ...(body !== undefined && { body }),
        });
      };
      const before = await stored();
      for (const [caller, owner] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        const id = owner.ids[kind];
        const nowhere = neverIssued(id);
        const foreign = await ask(caller.admin, id);
        expect([foreign.status, codeOf(foreign)]).toEqual([404, code]);
        const unknown = await ask(caller.admin, nowhere);
        expect(comparable(foreign, id)).toEqual(comparable(unknown, nowhere));
      }
      await expectUnchanged(before);
    },
  );

  it('can’t be built upon: a route to their provider is refused as one to no provider', async () => {
    const before = await stored();
    const ask = (id: string): Promise<Answer> =>
      app.call('POST', '/v1/routes', {
        key: ours.admin,
        body: { model: 'stolen', provider_id: id, price: PRICE },
      });
    const nowhere = neverIssued(theirs.ids.providers);
    const foreign = await ask(theirs.ids.providers);
    expect(foreign.status).toBe(404);
    const unknown = comparable(await ask(nowhere), nowhere);
    expect(comparable(foreign, theirs.ids.providers)).toEqual(unknown);
    await expectUnchanged(before);
  });

  it.each([
    ['key', 'keys'],
    ['user', 'members'],
    ['team', 'teams'],
    ['project', 'projects'],
  ] as const)(
    'can’t be bound: a budget of their %s is refused as one of none',
    async (scope, collection) => {
      const before = await stored();
      const ask = (scope_id: string): Promise<Answer> =>
        app.call('PUT', '/v1/budgets', {
          key: ours.admin,
          body: { scope, scope_id, window: 'daily', limit: 0 },
        });
      const id = theirs.ids[collection];
      const nowhere = neverIssued(id);
      const foreign = await ask(id);
      expect([foreign.status, codeOf(foreign)]).toEqual([404, 'not_found']);
      const unknown = comparable(await ask(nowhere), nowhere);
      expect(comparable(foreign, id)).toEqual(unknown);
      await expectUnchanged(before);
    },
  );

  it('can’t be drawn in: what names their team, person or role is refused as what names none', async () => {
    const before = await stored();
    const { teams, projects, members, webhooks } = ours.ids;
    const team_id = theirs.ids.teams;
    const attempts = [
      ['POST', '/v1/projects', { name: 'x', team_id }, team_id],
      ['PATCH', `/v1/projects/${projects}`, { team_id }, team_id],
      ['POST', '/v1/webhooks', { url: ours.upstream.baseUrl, events: ['*'], team_id }, team_id],
      ['PATCH', `/v1/webhooks/${webhooks}`, { team_id }, team_id],
      [
        'POST',
        '/v1/notification-emails',
        { email: 'x@y.example', events: ['*'], team_id },
        team_id,
      ],
      [
        'PUT',
        `/v1/teams/${teams}/members`,
        { user_id: theirs.ids.users, role: 'admin' },
        theirs.ids.users,
      ],
      ['PATCH', `/v1/members/${members}`, { role: theirs.ids.roles }, theirs.ids.roles],
      [
        'POST',
        '/v1/invitations',
        { email: 'x@y.example', role: theirs.ids.roles },
        theirs.ids.roles,
      ],
    ] as const;
    for (const [method, path, body, id] of attempts) {
      const nowhere = neverIssued(id);
      const named = JSON.parse(JSON.stringify(body).replace(id, nowhere)) as unknown;
      const foreign = await app.call(method, path, { key: ours.admin, body });
      expect([path, foreign.status, codeOf(foreign)]).toEqual([path, 404, 'not_found']);
      const unknown = await app.call(method, path, { key: ours.admin, body: named });
      expect(comparable(foreign, id)).toEqual(comparable(unknown, nowhere));
    }
    await expectUnchanged(before);
  });
  it.each([
    ['POST', () => '/v1/keys', (id: string) => ({ name: 'x', permissions: { inherit_from: id } })],
    [
      'PATCH',
      () => `/v1/keys/${ours.ids.keys}`,
      (id: string) => ({ permissions: { inherit_from: id } }),
    ],
    ['POST', () => '/v1/policies', (id: string) => ({ name: 'x', inherit_from: id })],
    ['PATCH', () => `/v1/policies/${ours.ids.policies}`, (id: string) => ({ inherit_from: id })],
  ])(
    'can’t be inherited from: %s with their policy is as with none',
    async (method, path, bodyOf) => {
      const before = await stored();
      const ask = (id: string): Promise<Answer> =>
        app.call(method, path(), { key: ours.admin, body: bodyOf(id) });
      const { policies } = theirs.ids;
      const nowhere = neverIssued(policies);
      const foreign = await ask(policies);
      expect([foreign.status, codeOf(foreign)]).toEqual([404, 'not_found']);
      expect(comparable(foreign, policies)).toEqual(comparable(await ask(nowhere), nowhere));
      await expectUnchanged(before);
    },
  );
});

describe('another organization’s live usage', () => {
  it('is no topic to listen to, with a key or with a ticket of ours', async () => {
    const before = await stored();
    const nowhere = neverIssued(theirs.ids.keys);
    const ticket = async (): Promise<string> => {
      const path = `/v1/keys/${ours.ids.keys}/usage/tickets`;
      const made = await app.call('POST', path, { key: ours.admin });
      expect(made.status).toBe(201);
      return (made.body as { ticket: string }).ticket;
    };
    const ask = async (id: string): Promise<unknown[]> => {
      const withKey = await SocketClient.refused(app.origin, id, { key: ours.admin });
      const query = { ticket: await ticket() };
      const withTicket = await SocketClient.refused(app.origin, id, { query });
      return [withKey, withTicket].map(({ status, code }) => [status, code]);
    };
    const foreign = await ask(theirs.ids.keys);
    expect(foreign[0]).toEqual([404, 'not_found']);
    expect((foreign[1] as [number])[0]).toBe(401);
    expect(foreign).toEqual(await ask(nowhere));
    await expectUnchanged(before);
  });
});

describe('all of these calls together', () => {
  it('have changed nothing, and left nothing behind that is worked on later', async () => {
    const now = await settledState(app.databaseUrl);
    // Of ours: a ticket is made for each call that shows one.
    const isTicket = (change: string): boolean => change.startsWith('+ public.access_tickets ');
    expect(changesBetween(atFirst, now).filter((change) => !isTicket(change))).toEqual([]);
  });

  it('would have been noticed: a change that is allowed is, in its own table', async () => {
    const before = await stored();
    const path = `/v1/teams/${ours.ids.teams}`;
    const renamed = await app.call('PATCH', path, { key: ours.admin, body: { name: 'renamed' } });
    expect(renamed.status).toBe(200);
    const changes = changesBetween(before, await stored());
    expect(changes).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^- public\.teams .*same-name/),
        expect.stringMatching(/^\+ public\.teams .*renamed/),
        expect.stringMatching(/^\+ public\.audit_entries .*"team\.updated"/),
      ]),
    );
  });
});

describe('another organization’s delivery', () => {
  it('is not sent again by way of a webhook of ours', async () => {
    const { organizations: organizationId, webhooks: webhookId } = theirs.ids;
    const { id } = await insertDelivery(app.databaseUrl, { organizationId, webhookId });
    const before = await stored();
    const answer = await app.call(
      'POST',
      `/v1/webhooks/${ours.ids.webhooks}/deliveries/${id}/replay`,
      { key: ours.admin },
    );
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    await expectUnchanged(before);
  });
});

describe('another organization’s bodies', () => {
  it('are not deleted with ours', async () => {
    const before = new Date(Date.now() + 60_000).toISOString();
    const keyOfTheirs = theirs.ids.keys;
    for (const query of [`?before=${before}`, `?before=${before}&key_id=${keyOfTheirs}`]) {
      const answer = await app.call('DELETE', `/v1/requests${query}`, { key: ours.admin });
      expect(answer.status).toBe(200);
    }
    const bodyOf = async ({ admin: key }: Tenant, id: string): Promise<unknown> =>
      (await app.call('GET', `/v1/requests/${id}?include=bodies`, { key })).body;
    expect(await bodyOf(ours, ours.ids.requests)).toMatchObject({ request_body: null });
    expect(await bodyOf(theirs, theirs.ids.requests)).toMatchObject({
      request_body: { truncated: false },
    });
  });
});

describe('another organization’s key of the same name', () => {
  const path = '/manage/api-keys';
  const namesOf = async ({ admin: key }: Tenant): Promise<string[]> => {
    const { body } = await app.call('GET', `${path}?limit=1000`, { key });
    return (body as { api_keys: { name: string }[] }).api_keys.map(({ name }) => name);
  };

  it('neither takes the name away nor is deleted with ours', async () => {
    const body = { name: 'a-common-name' };
    for (const { admin: key } of [theirs, ours]) {
      expect((await app.call('POST', path, { key, body })).status).toBe(201);
    }
    expect((await app.call('DELETE', path, { key: ours.admin, body })).status).toBe(200);
    expect(await namesOf(ours)).not.toContain(body.name);
    expect(await namesOf(theirs)).toContain(body.name);
  });

  it('is unknown by a name that only they have, and in no list of ours', async () => {
    const before = await stored();
    const remove = (name: string): Promise<Answer> =>
      app.call('DELETE', path, { key: ours.admin, body: { name } });
    const foreign = await remove('theirs-key');
    expect(foreign.status).toBe(404);
    const unknown = comparable(await remove('nobody-key'), 'nobody-key');
    expect(comparable(foreign, 'theirs-key')).toEqual(unknown);
    await expectUnchanged(before);
    expect(await namesOf(ours)).not.toContain('theirs-key');
    const first = await app.call('GET', `${path}?limit=1`, { key: theirs.admin });
    const { next_cursor: cursor } = first.body as { next_cursor: string };
    const turned = await app.call('GET', `${path}?cursor=${cursor}`, { key: ours.admin });
    expect(JSON.stringify(turned.body)).not.toContain('theirs-key');
  });
});

describe('another organization’s models', () => {
  const chat = (key: string, model: string): Promise<Answer> =>
    app.call('POST', '/v1/chat/completions', {
      key,
      body: { model, messages: [{ role: 'user', content: 'Hello!' }] },
    });

  it('are not listed', async () => {
    for (const [tenant, other] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const { body } = await app.call('GET', '/v1/models', { key: tenant.admin });
      const models = (body as { data: { id: string }[] }).data.map(({ id }) => id);
      expect(models).toContain(`only-${tenant.name}`);
      expect(models).not.toContain(`only-${other.name}`);
    }
  });

  it('are unknown, called and looked up', async () => {
    const lookUp = (key: string, model: string): Promise<Answer> =>
      app.call('GET', `/v1/models/${model}`, { key });
    for (const ask of [chat, lookUp]) {
      const foreign = await ask(ours.admin, 'only-theirs');
      const unknown = await ask(ours.admin, 'only-nobody');
      expect([foreign.status, codeOf(foreign)]).toEqual([404, 'model_not_found']);
      expect(comparable(foreign, 'only-theirs')).toEqual(comparable(unknown, 'only-nobody'));
    }
    expect(theirs.upstream.received).toEqual([]);
  });

  it('of the same name are each answered by the caller’s own provider, with its own credential', async () => {
    for (const tenant of [ours, theirs, ours]) {
      const answer = await chat(tenant.admin, 'same-model');
      expect(answer.body).toMatchObject({
        choices: [{ message: { content: `from ${tenant.name}` } }],
      });
      const call = tenant.upstream.received.at(-1);
      expect(call?.headers.authorization).toBe(`Bearer credential-of-${tenant.name}`);
    }
    expect([ours.upstream.received.length, theirs.upstream.received.length]).toEqual([2, 1]);
  });

  it('changed or deleted by them leave ours as they are', async () => {
    const path = `/v1/routes/${theirs.ids.routes}`;
    const weigh = { key: theirs.admin, body: { weight: 7 } };
    expect((await app.call('PATCH', path, weigh)).status).toBe(200);
    const mine = await app.call('GET', `/v1/routes/${ours.ids.routes}`, { key: ours.admin });
    expect(mine.body).toMatchObject({ weight: 1, version: 1 });
    expect((await app.call('DELETE', path, { key: theirs.admin })).status).toBe(200);
    expect((await chat(ours.admin, 'same-model')).status).toBe(200);
    expect(codeOf(await chat(theirs.admin, 'same-model'))).toBe('model_not_found');
  });

  it('are counted for the key that called, and for no other', async () => {
    const usageOf = async (key: string): Promise<unknown> => {
      const { body } = await app.call('GET', '/v1/key', { key });
      return (body as { usage: { requests: number } }).usage.requests;
    };
    expect([await usageOf(ours.admin), await usageOf(theirs.admin)]).toEqual([3, 1]);
    expect(await usageOf(app.masterKey)).toBe(0);
  });
});

describe('an Idempotency-Key of another organization', () => {
  const make = (key: string, call: Call): Promise<Answer> =>
    app.call('POST', '/v1/keys', { key, headers: { 'idempotency-key': 'a-common-one' }, ...call });

  it('says nothing to ours: not that it was used, for what, or with which answer', async () => {
    const body = { name: 'made once' };
    const their = await make(theirs.admin, { body });
    const mine = await make(ours.admin, { body });
    expect([their.status, mine.status]).toEqual([201, 201]);
    expect(mine.headers.get('idempotency-replayed')).toBeNull();
    expect((mine.body as { id: string }).id).not.toBe((their.body as { id: string }).id);
    expect((mine.body as { key: string }).key).not.toBe((their.body as { key: string }).key);
    // Their other body is a mistake to them alone.
    expect(codeOf(await make(theirs.admin, { body: { name: 'other' } }))).toBe(
      'idempotency_key_reused',
    );
    expect((await make(ours.admin, { body })).body).toEqual(mine.body);
  });

  it('nor does one of another key of the same organization', async () => {
    const body = { name: 'made once' };
    const sibling = await make(app.masterKey, { body });
    expect(sibling.status).toBe(201);
    expect(sibling.headers.get('idempotency-replayed')).toBeNull();
  });
});

describe('another organization’s settings', () => {
  const path = '/manage/project-configs';

  it('are neither read nor changed with ours, and hold for none of our calls', async () => {
    const call = { model: 'same-model', messages: [{ role: 'user', content: 'Hello!' }] };
    const chat = async ({ admin: key }: Tenant): Promise<number> =>
      (await app.call('POST', '/v1/chat/completions', { key, body: call })).status;
    const before = (await app.call('GET', path, { key: theirs.admin })).body;
    const statusBefore = await chat(theirs);
    // None of its models goes there.
    const body = { allowed_providers: ['sandbox'], allow_overwrite: false };
    expect((await app.call('PUT', path, { key: ours.admin, body })).status).toBe(200);
    expect((await app.call('GET', path, { key: theirs.admin })).body).toEqual(before);
    expect(await chat(ours)).toBe(403);
    expect(await chat(theirs)).toBe(statusBefore);
    const back = { allowed_providers: null, allow_overwrite: true };
    expect((await app.call('PUT', path, { key: ours.admin, body: back })).status).toBe(200);
  });
});
