/**
 * What the calls of the authorisation matrix send. A route is called with the body of `BODIES` (by operation), or else
 * with the example of its document; `name` and `email` of it are made unique. What it needs besides stands here.
 */
import { vi } from 'vitest';

import { newEmail, PASSWORD } from '../../support/people.js';
import { BODIES } from '../../flows/tenants.harness.js';
import { examplesOf, OPERATIONS } from '../api-document.js';
import { documentedPath } from '../app-routes.js';
import { type Caller, logInAgain } from './principals.harness.js';
import { KINDS, type Place, type World } from './world.harness.js';

export type Given = { readonly world: World; readonly caller: Caller; readonly place: Place } & {
  /** Of what the call is about; empty where it is about nothing in particular. */
  readonly id: string;
};

/** How one route is called. */
export type RouteCall = {
  /** Of `KINDS`: what the id is one of. */
  readonly kind?: string;
  /** Where the id stands, when it does not stand in the path. */
  readonly where?: string;
  /** Tells a call from the others of its route, when the id stands in the path: `of a project`. */
  readonly as?: string;
  readonly query?: (given: Given) => string;
  readonly body?: (given: Given) => unknown;
  /** After a success. */
  readonly after?: (given: Given) => Promise<void>;
};

const asSecret = ({ id }: Given): unknown => ({ key: id });
const asName = ({ id }: Given): unknown => ({ name: id });
const keyOfAccount = ({ world, id }: Given): unknown => ({
  name: world.unique('key'),
  scope: { service_account_id: id },
});
const someCredentials = ({ world, caller }: Given): unknown => ({
  email: caller.email ?? world.callers.viewer.email,
  password: PASSWORD,
});
const budgetOf =
  (scope: string) =>
  ({ id }: Given): unknown => ({ scope, scope_id: id, window: 'daily', limit: 1 });
const PUT_BUDGET: readonly RouteCall[] = [
  {},
  { where: 'scope_id', kind: 'keys', body: budgetOf('key') },
  { where: 'scope_id of a team', kind: 'teams', body: budgetOf('team') },
  { where: 'scope_id of a project', kind: 'projects', body: budgetOf('project') },
  { where: 'scope_id of a user', kind: 'users', body: budgetOf('user') },
];
const DELETE_BUDGET: readonly RouteCall[] = [
  {},
  { as: 'of a project', kind: 'budgets of projects' },
  { as: 'of all keys', kind: 'budgets of all keys' },
];

const INSTALLATION_QUERY = '?organization_id=installation';
/** A master key's alone. */
const OF_INSTALLATION: RouteCall = { as: 'of the installation', query: () => INSTALLATION_QUERY };

/** Of the log of the callers, or of the installation: there it is the call of a key that nobody has that stands there. */
async function someCheckpoint({ app, sites }: World, query: string): Promise<unknown> {
  const key = query === '' ? sites.own.key : app.masterKey;
  return vi.waitFor(async () => {
    const { body } = await app.call('POST', `/v1/audit/checkpoints${query}`, { key });
    const { checkpoint } = body as { checkpoint: { note: string } | null };
    if (checkpoint) return { checkpoints: checkpoint.note };
    await app.call('GET', '/v1/keys', { key: app.masterKey.replace(/.{6}$/, 'AAAAAA') });
    throw new Error('There is no entry yet.');
  }, SOON);
}
const SOON = { timeout: 10_000, interval: 500 };

/** By `METHOD url`; several for a route that takes ids in several places. */
const CALLS: Readonly<Record<string, RouteCall | readonly RouteCall[]>> = {
  'POST /v1/keys': [
    { body: ({ world }) => ({ name: world.unique('key') }) },
    {
      where: 'scope.team_id',
      kind: 'teams',
      body: ({ world, id }) => ({
        name: world.unique('key'),
        type: 'team',
        scope: { team_id: id },
      }),
    },
    {
      where: 'permissions.inherit_from',
      kind: 'policies',
      body: ({ world, id }) => ({
        name: world.unique('key'),
        permissions: { inherit_from: id },
      }),
    },
    {
      where: 'scope.service_account_id',
      kind: 'active service-accounts',
      body: keyOfAccount,
    },
    {
      where: 'scope.service_account_id of a team',
      kind: 'team service-accounts',
      body: keyOfAccount,
    },
  ],
  'POST /v1/api-keys': { body: ({ world }) => ({ name: world.unique('key') }) },
  'POST /v1/keys/verify': { where: 'key', kind: 'key secrets', body: asSecret },
  'PATCH /v1/keys/:id': { body: ({ world }) => ({ name: world.unique('key') }) },
  'PATCH /v1/keys/:id/rotation': { kind: 'rotated keys' },
  'POST /v1/keys/:id/rotation/rollback': { kind: 'rotated keys' },
  'DELETE /v1/keys/:id/rotation': { kind: 'scheduled keys' },
  'POST /v1/keys/:id/signing-secret': { kind: 'signing keys' },
  'DELETE /manage/api-keys': { where: 'name', kind: 'key names', body: asName },
  'DELETE /v1/manage/api-keys': { where: 'name', kind: 'key names', body: asName },
  'PUT /v1/budgets': PUT_BUDGET,
  'DELETE /v1/budgets/:id': DELETE_BUDGET,
  'PUT /manage/budgets': PUT_BUDGET,
  'DELETE /manage/budgets/:id': DELETE_BUDGET,
  'PUT /v1/manage/budgets': PUT_BUDGET,
  'DELETE /v1/manage/budgets/:id': DELETE_BUDGET,
  // What lets somebody in is the link itself, and nobody here has one.
  'GET /v1/exports/:id/file': {
    query: () =>
      '?for=key_x&expires=4102444800&signature=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  },
  'GET /v1/audit': [
    {},
    OF_INSTALLATION,
    { where: '?key_id', kind: 'keys', query: ({ id }) => `?key_id=${id}` },
  ],
  'GET /v1/audit/verify': [{}, OF_INSTALLATION],
  'POST /v1/audit/verify': [
    { body: ({ world }) => someCheckpoint(world, '') },
    { ...OF_INSTALLATION, body: ({ world }) => someCheckpoint(world, INSTALLATION_QUERY) },
  ],
  'GET /v1/audit/checkpoints': [{}, OF_INSTALLATION],
  'POST /v1/audit/checkpoints': [{}, OF_INSTALLATION],
  'GET /v1/requests': [{}, { where: '?key_id', kind: 'keys', query: ({ id }) => `?key_id=${id}` }],
  'DELETE /v1/requests': [
    { query: () => '?before=2026-01-01' },
    {
      where: '?key_id',
      kind: 'keys',
      query: ({ id }) => `?before=2026-01-01&key_id=${id}`,
    },
  ],
  'GET /v1/keys': [{}, { where: '?team_id', kind: 'teams', query: ({ id }) => `?team_id=${id}` }],
  'GET /v1/projects': [
    {},
    { where: '?team_id', kind: 'teams', query: ({ id }) => `?team_id=${id}` },
  ],
  'POST /v1/projects': [
    {},
    {
      where: 'team_id',
      kind: 'teams',
      body: ({ world, id }) => ({ name: world.unique('project'), team_id: id }),
    },
  ],
  'POST /v1/routes': {
    where: 'provider_id',
    kind: 'providers',
    body: ({ world, id }) => ({
      model: world.unique('model'),
      provider_id: id,
      price: { input_per_million: 1, output_per_million: 1 },
    }),
  },
  'POST /v1/invitations': [
    {},
    { where: 'role', kind: 'roles', body: ({ id }) => ({ email: newEmail(), role: id }) },
  ],
  'POST /v1/webhooks': [
    { body: ({ world }) => ({ url: world.upstream.baseUrl, events: ['invoice.issued'] }) },
    {
      where: 'team_id',
      kind: 'teams',
      body: ({ world, id }) => ({ url: world.upstream.baseUrl, events: ['*'], team_id: id }),
    },
  ],
  'GET /v1/webhooks': [
    {},
    { where: '?team_id', kind: 'teams', query: ({ id }) => `?team_id=${id}` },
  ],
  'GET /v1/webhooks/:id': [{}, { as: 'of a team', kind: 'team webhooks' }],
  'PATCH /v1/webhooks/:id': [
    { body: () => ({ description: 'taken over' }) },
    { as: 'of a team', kind: 'team webhooks', body: () => ({ description: 'taken over' }) },
  ],
  'DELETE /v1/webhooks/:id': [{}, { as: 'of a team', kind: 'team webhooks' }],
  'GET /v1/approvals': [
    {},
    { where: '?key_id', kind: 'waiting keys', query: ({ id }) => `?key_id=${id}` },
  ],
  'POST /v1/keys/:id/approve': { kind: 'waiting keys', body: () => ({}) },
  'POST /v1/keys/:id/reject': { kind: 'waiting keys', body: () => ({}) },
  // What binds nobody: these are the environments, and the project, of the callers themselves.
  'PUT /v1/environments/:environment': { body: () => ({}) },
  'PUT /manage/project-configs': { body: () => ({ preference: 'cost' }) },
  'PUT /v1/manage/project-configs': { body: () => ({ preference: 'cost' }) },
  'PATCH /v1/policies/:id': [{}, { as: 'that keys inherit', kind: 'inherited policies' }],
  'DELETE /v1/policies/:id': [{}, { as: 'that keys inherit', kind: 'inherited policies' }],
  'POST /v1/webhooks/:id/deliveries/:delivery_id/replay': { kind: 'webhook deliveries' },
  'DELETE /v1/teams/:id': { kind: 'fresh teams' },
  'POST /v1/teams/:id/suspend': { kind: 'fresh teams' },
  'POST /v1/teams/:id/resume': { kind: 'fresh teams' },
  'PUT /v1/teams/:id/members': {
    body: async ({ world }) => ({
      user_id: await world.makeMember(world.sites.own),
      role: 'viewer',
    }),
  },
  'DELETE /v1/teams/:id/members/:user_id': { kind: 'team members' },
  'POST /v1/invitations/:token/accept': {
    kind: 'invitation tokens',
    body: ({ caller }) => (caller.email === undefined ? { name: 'x', password: PASSWORD } : {}),
  },
  'POST /v1/auth/signup': { body: () => ({ email: newEmail(), password: PASSWORD }) },
  'POST /v1/auth/login': { body: someCredentials },
  'POST /v1/auth/logout': { after: ({ world, caller }) => logInAgain(world.app, caller) },
  'POST /v1/auth/password': {
    body: () => ({ current_password: PASSWORD, new_password: PASSWORD }),
  },
};

const HERE = 'CALLS in test/contract/matrix/calls.harness.ts';

/**
 * How a route is called: once, or once for each place of its request that takes an id.
 * @throws {Error} that says what to add, for a route with an id that is no kind, or a body that has no example
 */
export function callsOf(method: string, url: string): RouteCall[] {
  const given = CALLS[`${method} ${url}`] ?? {};
  return [given].flat().map((call) => {
    const kind = call.kind ?? kindInPath(method, url);
    if (kind !== undefined && !KINDS[kind])
      throw new Error(`There is no kind ${kind}: see ${HERE}.`);
    const body = call.body ?? defaultBody(method, url);
    return { ...call, ...(kind !== undefined && { kind }), ...(body && { body }) };
  });
}

function kindInPath(method: string, url: string): string | undefined {
  // `*` is the rest of a path, which names no object of a tenant.
  if (!url.includes(':')) return undefined;
  const segments = url.slice(0, url.indexOf('/:')).split('/');
  const kind = segments.findLast((segment) => segment in KINDS);
  if (kind !== undefined) return kind;
  throw new Error(
    `${method} ${url} takes an id of something the authorisation matrix does not know. Say how one is made: add it to ` +
      `KINDS in test/contract/matrix/world.harness.ts, and name it for this route in ${HERE} where the path does not.`,
  );
}

function defaultBody(method: string, url: string): RouteCall['body'] {
  const operation = OPERATIONS.find(
    (one) => one.method === method && one.path === documentedPath(url),
  );
  if (!operation) return undefined;
  const { operationId, requestBody } = operation;
  const example = Object.values(requestBody?.content ?? {}).flatMap(examplesOf)[0];
  const body = BODIES[operationId] ?? example;
  if (body !== undefined) return ({ world }) => withFreshNames(world, body);
  if (!requestBody) return undefined;
  throw new Error(`${method} ${url} takes a body and has no example of one: add one to ${HERE}.`);
}

/** Names are unique in many places, and the same call is made by many. */
function withFreshNames(world: World, body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { name, email } = body as { name?: unknown; email?: unknown };
  return {
    ...body,
    ...(typeof name === 'string' && { name: world.unique(name) }),
    ...(typeof email === 'string' && { email: newEmail() }),
  };
}
