/** What one organization reads of another: nothing, by the cursor of any list, any stream that stays open, the link to a file, or its own log. */
import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { encodeCursor } from '#common/pagination/cursor.js';

import { OPERATIONS } from '../contract/api-document.js';
import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { insertDelivery } from '../support/deliveries.js';
import { EventsClient, SocketClient } from '../support/live-clients.js';
import { foundOrganization, insertMember } from '../support/organizations.js';
import { queryDatabase } from '../support/postgres.js';
import {
  changesBetween,
  settledState,
  type StoredState,
  storedState,
} from '../support/stored-state.js';
import { furnish, makeExport, makeLoggedCall, PRICE } from './furnished-tenant.harness.js';
import { BODIES, comparable, neverIssued, type Tenant } from './tenants.harness.js';

const rootKey = randomBytes(32);
let app: TestApp;
let ours: Tenant;
let theirs: Tenant;
let atFirst: StoredState;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_SECRET_KEY: rootKey.toString('base64') } });
  ours = await furnish(app, 'ours', await app.keyWith({ access_level: 'admin' }));
  await addSeconds(ours);
  theirs = await furnish(app, 'theirs', (await foundOrganization(app, rootKey)).admin);
  await addSeconds(theirs);
  atFirst = await settledState(app.databaseUrl);
});
afterAll(async () => {
  await app.close();
  await Promise.all([ours, theirs].map(({ upstream }) => upstream.close()));
});

/** One more of all that is listed, so that each list has a second page. */
async function addSeconds({ name, admin: key, ids, upstream }: Tenant): Promise<void> {
  const make = async (path: string, body: unknown): Promise<string> => {
    const made = await app.call('POST', path, { key, body });
    expect([path, made.status]).toEqual([path, 201]);
    return (made.body as { id: string }).id;
  };
  const base_url = upstream.baseUrl;
  const provider_id = await make('/v1/providers', {
    name: 'second',
    kind: 'openai-compatible',
    base_url,
  });
  await make('/v1/routes', { model: 'second', provider_id, price: PRICE });
  await make('/v1/webhooks', { url: base_url, events: ['invoice.issued'] });
  await make('/v1/notification-emails', { email: 'second@address.example', events: ['*'] });
  await make('/v1/policies', { name: 'second' });
  await make('/v1/projects', {
    name: 'second',
    team_id: await make('/v1/teams', { name: 'second' }),
  });
  await make('/v1/service-accounts', { name: 'second', role: 'viewer' });
  await make('/v1/roles', { name: 'second', scopes: ['org:read'] });
  await make('/v1/invitations', { email: 'second@address.example', role: 'viewer' });
  await make('/v1/keys', { name: `${name}-waits too`, permissions: { require_approval: true } });
  for (const inheriting of [`${name}-first`, `${name}-second`]) {
    await make('/v1/keys', { name: inheriting, permissions: { inherit_from: ids.policies } });
  }
  const put = async (method: string, path: string, body: unknown): Promise<void> => {
    expect([path, (await app.call(method, path, { key, body })).status]).toEqual([path, 200]);
  };
  await put('PATCH', `/v1/policies/${ids.policies}`, { description: `of ${name}` });
  await put('PUT', '/v1/budgets', { scope: 'each_key', window: 'daily', limit: 100 });
  const user_id = await insertMember(app.databaseUrl, ids.organizations);
  await put('PUT', `/v1/teams/${ids.teams}/members`, { user_id, role: 'viewer' });
  for (let times = 0; times < 2; times++) {
    const of = { organizationId: ids.organizations, webhookId: ids.webhooks };
    await insertDelivery(app.databaseUrl, of);
  }
  await put('PATCH', `/v1/keys/${ids.keys}`, { name: `${name}-key, renamed` });
  const grant = { organization_id: ids.organizations, amount: 1, reason: 'second' };
  expect((await app.call('POST', '/v1/credits/grants', { body: grant })).status).toBe(201);
  await makeExport(app, key);
  // The second is of what the first has not seen.
  await put('POST', '/v1/audit/checkpoints', {});
  await makeLoggedCall(app, key, `${name}-logged too`);
  await put('POST', '/v1/audit/checkpoints', {});
}

describe('the cursor of another organization’s list', () => {
  const lists = OPERATIONS.filter(({ parameters }) =>
    parameters.some((one) => one.in === 'query' && one.name === 'cursor'),
  );
  /** Nobody but the operator has a second one to list, so there is nothing behind any cursor. */
  const OF_ONE = ['listOrganizations'];

  type Listed = {
    readonly rows: string[];
    readonly cursor: string | null;
    readonly answer: Answer;
  };
  const list = async (
    { method, path, operationId }: (typeof lists)[number],
    { admin: key }: Tenant,
    { ids }: Tenant,
    query: string,
  ): Promise<Listed> => {
    const body = BODIES[operationId];
    const answer = await app.call(method, `${path.replace('{id}', ids[kindOf(path)])}?${query}`, {
      key,
      ...(body !== undefined && { body }),
    });
    const page = answer.body as { next_cursor?: string | null };
    const rows = (Object.values(page).find(Array.isArray) ?? []) as object[];
    // Built-in roles are in every organization’s list.
    const own = rows.filter((row) => !('built_in' in row) || row.built_in === false);
    const cursor = page.next_cursor ?? cursorOf(rows[0], OF_ONE.includes(operationId));
    return {
      // Each answer has a new link to an export.
      rows: own.map((row) => JSON.stringify({ ...row, last_used_at: null, download_url: null })),
      cursor,
      answer,
    };
  };
  const kindOf = (path: string): keyof Tenant['ids'] =>
    path.split('/').find((part) => part in ours.ids) as keyof Tenant['ids'];
  const cursorOf = (row: object | undefined, isWanted: boolean): string | null => {
    if (!row || !isWanted) return null;
    const { id, created_at } = row as { id: string; created_at: string };
    return encodeCursor({ id, createdAt: new Date(created_at) });
  };

  it('is asked for on each list that the API has', () => {
    expect(lists.length).toBeGreaterThan(20);
  });

  it.each(lists.map((operation) => [operation.operationId, operation] as const))(
    '%s gives rows of the caller alone by it, or 400',
    async (_, operation) => {
      let turned = 0;
      for (const [caller, owner] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        const mine = await list(operation, caller, caller, 'limit=200');
        const foreign = await list(operation, owner, owner, 'limit=200');
        expect(mine.rows.length).toBeGreaterThan(0);
        expect(foreign.rows.filter((row) => mine.rows.includes(row))).toEqual([]);
        const { cursor } = await list(operation, owner, owner, 'limit=1');
        expect(cursor, 'one row more is needed in addSeconds').not.toBeNull();
        const query = `limit=200&cursor=${cursor ?? ''}`;
        const page = await list(operation, caller, caller, query);
        expect([200, 400]).toContain(page.answer.status);
        expect(page.rows.filter((row) => !mine.rows.includes(row))).toEqual([]);
        turned += page.answer.status === 400 ? 1 : page.rows.length;
        if (!operation.path.includes('{id}')) continue;
        // Nor does it open the list of their thing: that is answered as that of nothing.
        const { answer } = await list(operation, caller, owner, query);
        const kind = kindOf(operation.path);
        const [id, nowhere] = [owner.ids[kind], neverIssued(owner.ids[kind])];
        const nobodys = { ...owner, ids: { ...owner.ids, [kind]: nowhere } };
        const { answer: unknown } = await list(operation, caller, nobodys, query);
        expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
        expect(comparable(answer, id)).toEqual(comparable(unknown, nowhere));
      }
      // Of two lists one at least goes on behind the other’s first row.
      if (!OF_ONE.includes(operation.operationId)) expect(turned).toBeGreaterThan(0);
    },
  );
});

describe('all of these lists together', () => {
  it('have left no trace', async () => {
    expect(changesBetween(atFirst, await settledState(app.databaseUrl))).toEqual([]);
  });
});

describe('another organization’s calls', () => {
  type Made = { readonly id: string; readonly key: string };
  const newKey = async ({ admin: key }: Tenant): Promise<Made> =>
    (await app.call('POST', '/v1/keys', { key, body: { name: 'listened to' } })).body as Made;
  const call = async ({ key }: Made): Promise<string> => {
    const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
    const answer = await app.call('POST', '/v1/chat/completions', { key, body });
    expect(answer.status).toBe(200);
    return answer.headers.get('x-request-id') ?? '';
  };

  it('come in no stream of ours, also not by where a stream of theirs was left', async () => {
    const [mine, foreign] = [await newKey(ours), await newKey(theirs)];
    const key = ours.admin;
    const watched = await SocketClient.listen(app.origin, foreign.id, { key: theirs.admin });
    const first = await call(mine);
    const second = await call(foreign);
    await watched.untilOfType('request_completed', 1);
    const third = await call(foreign);
    await watched.untilOfType('request_completed', 2);
    const id = String(watched.ofType('request_completed')[0]?.id);
    const headers = { 'last-event-id': id };
    const clients = [
      await SocketClient.listen(app.origin, mine.id, { key }),
      await SocketClient.listen(app.origin, mine.id, { key, query: { last_event_id: id } }),
      await EventsClient.connect(app.origin, mine.id, { key }),
      await EventsClient.connect(app.origin, mine.id, { key, headers }),
    ];
    const last = await call(foreign);
    const own = await call(mine);
    for (const client of clients) {
      // What comes is in order: theirs would have been there before ours.
      while (!client.requestIds.includes(own)) {
        await client.untilOfType('request_completed', client.requestIds.length + 1);
      }
      expect(client.requestIds.filter((one) => one !== own && one !== first)).toEqual([]);
      const text = JSON.stringify(client.messages);
      for (const secret of [second, third, last, foreign.id, theirs.ids.organizations]) {
        expect(text).not.toContain(secret);
      }
      await client.leave();
    }
    expect(watched.requestIds).toEqual([second, third, last]);
    await watched.leave();
  });

  it.each(['POST tickets', 'GET events', 'WebSocket'] as const)(
    'are asked for in vain by their key: %s',
    async (how) => {
      const ask = async (id: string): Promise<unknown> => {
        if (how === 'WebSocket') {
          const { status, code } = await SocketClient.refused(app.origin, id, { key: ours.admin });
          return [status, code];
        }
        const [method, path] = how.split(' ') as [string, string];
        const answer = await app.call(method, `/v1/keys/${id}/usage/${path}`, { key: ours.admin });
        return [answer.status, codeOf(answer)];
      };
      expect(await ask(theirs.ids.keys)).toEqual([404, 'not_found']);
      expect(await ask(neverIssued(theirs.ids.keys))).toEqual([404, 'not_found']);
    },
  );
});

describe('another organization’s export', () => {
  const linkOf = async (id: string, key: string): Promise<string> => {
    const { body } = await app.call('GET', `/v1/exports/${id}`, { key });
    return (body as { download_url: string }).download_url;
  };

  it.each([
    ['a link to ours', (link: string) => link, [404, 'not_found']],
    ['no signature', (link: string) => link.replace(/\?.*/, ''), [400, 'invalid_request']],
  ] as const)(
    'can’t be had, or be told from none, with %s and its id',
    async (_, changed, refused) => {
      const { exports: id } = theirs.ids;
      const link = await linkOf(ours.ids.exports, ours.admin);
      const before = await settledState(app.databaseUrl);
      const ask = (of: string): Promise<Answer> =>
        app.call('GET', changed(link).replace(ours.ids.exports, of), { key: null });
      const nowhere = neverIssued(id);
      const foreign = await ask(id);
      expect([foreign.status, codeOf(foreign)]).toEqual(refused);
      expect(comparable(foreign, id)).toEqual(comparable(await ask(nowhere), nowhere));
      expect(changesBetween(before, await storedState(app.databaseUrl))).toEqual([]);
    },
  );

  it('is there all the same, for them', async () => {
    const link = await linkOf(theirs.ids.exports, theirs.admin);
    expect((await fetch(app.origin + link)).status).toBe(200);
  });
});

/** The last of all: keys that are watched are worked on whenever one of their calls was. */
describe('another organization’s audit log', () => {
  type Entry = { readonly organization_id: string; readonly action: string };
  const entriesOn = (target: string): Promise<Entry[]> =>
    queryDatabase<Entry>(
      app.databaseUrl,
      'SELECT organization_id, action FROM audit_entries WHERE target_id = $1',
      [target],
    );

  it('does not tell that a watched key of ours has asked for a thing of theirs; ours does', async () => {
    const audit = { alert_on_suspicious: true, log_failures: true };
    const watched = await app.keyWith({ access_level: 'admin', security: { audit } });
    // That it is used at all is written once.
    const { body } = await app.call('GET', '/v1/key', { key: watched });
    const used = { organization_id: ours.ids.organizations, action: 'key.used' };
    await expect
      .poll(() => entriesOn((body as { id: string }).id), { timeout: 10_000 })
      .toContainEqual(used);
    const before = await settledState(app.databaseUrl);
    for (const id of [theirs.ids.keys, neverIssued(theirs.ids.keys)]) {
      const path = `/v1/keys/${id}`;
      expect((await app.call('GET', path, { key: watched })).status).toBe(404);
      await expect
        .poll(() => entriesOn(path), { timeout: 10_000 })
        .toEqual([{ organization_id: ours.ids.organizations, action: 'access.denied' }]);
    }
    const watching = /^[+-] public\.(watched_keys|audit_watch_positions) /;
    const isOfOurs = (change: string): boolean =>
      watching.test(change) && change.includes(ours.ids.organizations);
    const changes = changesBetween(before, await storedState(app.databaseUrl));
    expect(changes.filter((change) => !isOfOurs(change))).toEqual([]);
  });
});
