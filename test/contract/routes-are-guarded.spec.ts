import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SCOPES } from '#common/auth/scopes.js';
import { ERROR_CODES, type ErrorCode } from '#common/errors/error-codes.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { newLeakReporter } from '../support/leak-reporter.js';
import { concretePath, examplesOf, OPERATIONS } from './api-document.js';
import { type AppRoute, documentedPath, withRoutes } from './app-routes.js';
import { FOR_PEOPLE, LINKED, PUBLIC, READ_ONLY, SIGNED } from './guard-lists.js';

/** Beyond the guard they ask for something that the master key has not: a schedule that lets it claim, a session. */
const NOT_ITS_OWN = [
  'POST /v1/key/claim',
  'GET /v1/auth/me',
  'HEAD /v1/auth/me',
  'POST /v1/auth/logout',
  'POST /v1/auth/password',
];
/** Its example is of a checkpoint of somebody else's log. */
const OF_ANOTHER_LOG = 'POST /v1/audit/verify';
/** Pages about the API, which have nothing of the installation in them. */
const ABOUT_THE_API = /^\/(docs($|\/)|openapi\.(json|yaml)$)/;

type Guarded = { readonly name: string; readonly method: string; readonly path: string } & {
  readonly scope: string;
  readonly allowsReadOnlyKeys: boolean;
  readonly body: unknown;
};

let app: TestApp;
let routes: readonly AppRoute[];
let guarded: readonly Guarded[];
beforeAll(async () => {
  // Each call seems to come from somewhere else, so that failed attempts do not add up to a 429.
  const env = {
    LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
    LATCHKEY_LEAK_PUBLIC_KEYS: newLeakReporter().keySet,
  };
  ({ app, routes } = await withRoutes(() => startTestApp({ env })));
  guarded = routes.flatMap(({ method, url, endpoint }) =>
    endpoint === null || endpoint.scope === 'public'
      ? []
      : [
          {
            name: `${method} ${url}`,
            method,
            path: pathOf(url) + queryOf(method, url),
            scope: endpoint.scope,
            allowsReadOnlyKeys: endpoint.allowsReadOnlyKeys === true,
            body: bodyOf(method, url),
          },
        ],
  );
});
afterAll(() => app.close());

function pathOf(url: string): string {
  return concretePath(documentedPath(url));
}

/** What the route can’t do without. */
function queryOf(method: string, url: string): string {
  return `${method} ${url}` === 'DELETE /v1/requests' ? '?before=2026-01-01' : '';
}

/** Of what the document's example names a provider, which is not there. */
const NAMES_A_PROVIDER = /^PUT (\/v1)?\/manage\/project-configs$/;

/** A body that the route would take, so that nothing but the guard stands in the way. */
function bodyOf(method: string, url: string): unknown {
  if (NAMES_A_PROVIDER.test(`${method} ${url}`)) return { preference: 'cost' };
  const operation = OPERATIONS.find(
    (one) => one.method === method && one.path === documentedPath(url),
  );
  return Object.values(operation?.requestBody?.content ?? {}).flatMap(examplesOf)[0];
}

let caller = 0;
function callFromElsewhere(method: string, path: string, call: Call): Promise<Answer> {
  caller++;
  const address = `203.0.${caller >> 8}.${caller & 255}`;
  return app.call(method, path, {
    ...call,
    headers: { 'x-forwarded-for': address, ...call.headers },
  });
}

async function expectRefusal(route: Guarded, call: Call, status: number, code: ErrorCode) {
  const answer = await callFromElsewhere(route.method, route.path, { body: route.body, ...call });
  const { error } = answer.body as { error?: unknown };
  if (typeof error === 'string') {
    // A surface whose errors are texts without a code.
    const lacks = `This API key lacks the scope ${route.scope}.`;
    const text = code === 'insufficient_scope' ? lacks : ERROR_CODES[code][2];
    expect([route.name, answer.status, error]).toEqual([route.name, status, text]);
    return;
  }
  // An answer to HEAD has no body.
  const said = route.method === 'HEAD' ? code : codeOf(answer);
  expect([route.name, answer.status, said]).toEqual([route.name, status, code]);
}

async function countObjects(): Promise<number[]> {
  const lists = ['/v1/keys', '/v1/providers', '/v1/routes', '/v1/budgets'].map((path) =>
    app.call('GET', `${path}?limit=200`),
  );
  return (await Promise.all(lists)).map(({ body }) => (body as { data: unknown[] }).data.length);
}

describe('a route', () => {
  it('is public only if it is on the list', () => {
    const open = routes
      .filter(({ endpoint, method }) => endpoint?.scope === 'public' && method !== 'HEAD')
      .map(({ method, url }) => `${method} ${url}`);
    expect(open.toSorted()).toEqual([...PUBLIC, ...SIGNED, ...FOR_PEOPLE, ...LINKED].toSorted());
  });

  it('says what it needs, unless it is about the API', () => {
    const silent = routes.filter(({ endpoint }) => endpoint === null);
    expect(silent.filter(({ url }) => !ABOUT_THE_API.test(url))).toEqual([]);
    expect(silent.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  });

  it('answers without a key when it is public', async () => {
    for (const route of PUBLIC) {
      const [method, path] = route.split(' ') as [string, string];
      expect((await app.call(method, path, { key: null })).status).toBe(200);
    }
  });

  it('refuses what is not signed where a signature takes the place of a key', async () => {
    for (const route of SIGNED) {
      const [method, path] = route.split(' ') as [string, string];
      for (const key of [null, app.masterKey]) {
        const answer = await callFromElsewhere(method, path, { key, body: bodyOf(method, path) });
        expect([route, answer.status, codeOf(answer)]).toEqual([route, 401, 'signature_invalid']);
      }
    }
  });

  it('refuses a caller without a key', async () => {
    const before = await countObjects();
    for (const route of guarded) {
      await expectRefusal(route, { key: null }, 401, 'missing_api_key');
    }
    expect(guarded.length).toBeGreaterThan(30);
    expect(await countObjects()).toEqual(before);
  });

  it('refuses a key that nobody has issued', async () => {
    const key = generateKeySecret('pr', 'production').reveal();
    for (const route of guarded) await expectRefusal(route, { key }, 401, 'invalid_api_key');
  });

  it('takes the key from the Authorization header alone', async () => {
    const { masterKey } = app;
    for (const route of guarded) {
      const headers = {
        'x-api-key': masterKey,
        'api-key': masterKey,
        cookie: `latchkey_session=${masterKey}`,
        'proxy-authorization': `Bearer ${masterKey}`,
      };
      await expectRefusal(route, { key: null, headers }, 401, 'missing_api_key');
      const query = `${route.path.includes('?') ? '&' : '?'}api_key=${masterKey}&access_token=${masterKey}`;
      const withQuery = { ...route, path: route.path + query };
      await expectRefusal(withQuery, { key: null }, 401, 'missing_api_key');
    }
  });

  it('refuses a key that has every scope but the one that is needed', async () => {
    const before = await countObjects();
    const needed = new Set(guarded.map(({ scope }) => scope));
    const keys = new Map<string, string>();
    for (const scope of SCOPES.filter((one) => needed.has(one))) {
      keys.set(scope, await app.keyWith({ scopes: SCOPES.filter((one) => one !== scope) }));
    }
    for (const route of guarded.filter(({ scope }) => scope !== 'authenticated')) {
      const key = keys.get(route.scope);
      expect(key, route.name).toBeDefined();
      await expectRefusal(route, { key: key! }, 403, 'insufficient_scope');
    }
    const [keysBefore, ...rest] = before;
    expect(await countObjects()).toEqual([keysBefore! + keys.size, ...rest]);
  });

  it('refuses a read-only key, which may only read what is on its own list', async () => {
    const key = await app.keyWith({ access_level: 'read_only' });
    for (const route of guarded) {
      if (!route.allowsReadOnlyKeys) await expectRefusal(route, { key }, 403, 'read_only_key');
    }
    const isListed = ({ method, url }: AppRoute): boolean =>
      (method === 'GET' || method === 'HEAD') && READ_ONLY.includes(url);
    expect(routes.filter(({ endpoint }) => endpoint?.allowsReadOnlyKeys)).toEqual(
      routes.filter(isListed),
    );
  });

  it('can’t be reached past its guard by another spelling of its path', async () => {
    for (const { name, method, path, body } of guarded) {
      const [, first = '', ...rest] = path.split('/');
      const spellings = [
        `${path}/`,
        `/${path}`,
        `/${first.toUpperCase()}/${rest.join('/')}`,
        `/%${first.charCodeAt(0).toString(16)}${first.slice(1)}/${rest.join('/')}`,
        `${path};x=1`,
        `${path}%00`,
        `/public/..%2f${path.slice(1)}`,
      ];
      const call = { key: null, ...(body !== undefined && { body }) };
      const ask = async (spelling: string): Promise<void> => {
        const { status } = await callFromElsewhere(method, spelling, call);
        expect([400, 401, 404], `${name} as ${spelling}`).toContain(status);
      };
      await Promise.all(spellings.map(ask));
    }
  });

  it('lets the master key pass', async () => {
    for (const { name, method, path, body } of guarded) {
      const { status } = await app.call(method, path, { body });
      const isItsOwn = !NOT_ITS_OWN.includes(name);
      const passed = [isItsOwn ? [200, 201, 202, 404] : 403, name === OF_ANOTHER_LOG ? 400 : []];
      expect(passed.flat(), name).toContain(status);
    }
  });
});

describe('what is no route', () => {
  const text = expect.any(String) as string;
  const openAi = {
    error: {
      message: text,
      type: 'not_found_error',
      code: 'not_found',
      param: null,
      request_id: text,
    },
  };
  const plain = { error: text };
  const problem = {
    type: 'urn:latchkey:error:not_found',
    title: 'Not Found',
    status: 404,
    detail: text,
    instance: text,
    code: 'not_found',
    request_id: text,
  };
  const anthropic = {
    type: 'error',
    error: { type: 'not_found_error', message: text },
    request_id: text,
  };
  const json = 'application/json; charset=utf-8';
  const problemJson = 'application/problem+json; charset=utf-8';

  it.each([
    ['GET', '/', json, openAi],
    ['GET', '/nothing', json, openAi],
    ['PUT', '/v1/keys', json, openAi],
    ['POST', '/v1/keys/key_x', json, openAi],
    ['DELETE', '/v1/chat/completions', json, openAi],
    ['OPTIONS', '/v1/keys', json, openAi],
    ['PROPFIND', '/v1/keys', json, openAi],
    ['POST', '/openai/v1/nothing', json, openAi],
    ['GET', '/v1/messagesandmore', json, openAi],
    ['GET', '/manage', json, plain],
    ['POST', '/manage/nothing', json, plain],
    ['GET', '/v1/manage/nothing', json, plain],
    ['GET', '/manage//nothing', json, plain],
    ['GET', '//manage/nothing', json, plain],
    ['GET', '/MANAGE/api-keys', json, plain],
    ['GET', '/v1/Manage/api-keys', json, plain],
    ['GET', '/%6danage/nothing', json, plain],
    ['GET', '/v1%2fmanage/api-keys', json, plain],
    ['GET', '/manageable', json, openAi],
    ['GET', '/api/v1/nothing', problemJson, problem],
    ['PUT', '/api/v1', problemJson, problem],
    ['POST', '/v1/messages/nothing', json, anthropic],
    ['GET', '/v1/messages', json, anthropic],
  ])('%s %s is a 404 in its surface’s own shape', async (method, path, contentType, body) => {
    for (const key of [null, app.masterKey]) {
      const answer = await app.call(method, path, { key });
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe(contentType);
      expect(answer.body).toEqual(body);
      const requestId = answer.headers.get('x-request-id');
      expect(requestId).toMatch(/^req_[0-9A-Za-z]{22}$/);
      const said = answer.body as { request_id?: string; error?: { request_id?: string } };
      const inBody = said.request_id ?? said.error?.request_id ?? requestId;
      expect(inBody).toBe(requestId);
    }
  });

  it('is told apart from a path that can’t be decoded', async () => {
    const answer = await app.call('GET', '/v1/%ff');
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
  });
});
