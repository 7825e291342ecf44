/** How each route that changes something is called so that it does, for the specs of what is written down of it. */
import { createHash, randomBytes, randomInt } from 'node:crypto';

import { vi } from 'vitest';

import type { Answer } from '../support/app.js';
import { fromElsewhere, logIn, PASSWORD, runSql, signUp } from '../support/people.js';
import type { AppRoute } from './app-routes.js';
import { callsOf, type Given, type RouteCall } from './matrix/calls.harness.js';
import { bodyOf, type Column, type Made } from './matrix/principals.harness.js';
import { pathOf } from './matrix/walk.harness.js';
import { KINDS, type Place, type World } from './matrix/world.harness.js';

type AuditedCall = Pick<RouteCall, 'kind' | 'body' | 'query' | 'where'> & {
  /** `admin` unless said. */
  readonly by?: Column;
  /** Whose key or session it is called with, where none of the columns is let in. */
  readonly credential?: (given: Given) => Promise<string | null>;
  /** `own` unless said. */
  readonly place?: Place;
  /** What must be so before, for the call to change anything. */
  readonly prepare?: (given: Given) => Promise<unknown>;
  readonly headers?: (body: string, given: Given) => Readonly<Record<string, string>>;
  /** In whose log it stands; the callers' own organization's unless said. */
  readonly logOf?: (given: Given, answer: Answer) => string;
};

/** A call that is all prepared. */
export type ReadyCall = {
  readonly name: string;
  readonly send: () => Promise<Answer>;
  /** Named in its body: who would get a mail. */
  readonly email: string | null;
  readonly organizationOf: (answer: Answer) => string;
};

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

const before =
  (method: string, path: string, body?: unknown) =>
  ({ world, id }: Given): Promise<unknown> =>
    world.call(world.sites.own, method, path.replace(':id', id), body).then(bodyOf);
const theNew = (_: Given, { body }: Answer): string => (body as { id: string }).id;
const theFounded = (_: Given, { body }: Answer): string =>
  (body as { organization: { id: string } }).organization.id;
const theNamed = ({ id }: Given): string => id;
const ofOthers = { by: 'master', place: 'other organization', logOf: theNamed } as const;

const ofKeys =
  (headers: 'headers' | 'githubHeaders') =>
  (body: string, { world }: Given) =>
    world.reporter[headers](body);
const newSession = async ({ world }: Given): Promise<string> => {
  const { email } = world.callers.owner;
  return bodyOf(await logIn(world.app, email ?? '')).token;
};

/** Somebody who has signed up, in whose organization nobody else is, and a token that resets their password. */
const RESET = { token: '', organizationId: '' };
/** Somebody to whom no mail was sent yet. */
const FORGETFUL = { email: '', organizationId: '' };

async function openReset({ world }: Given): Promise<void> {
  const { id, organizationId } = await signUp(world.app);
  const token = `lkr_${randomBytes(32).toString('base64url')}`;
  Object.assign(RESET, { token, organizationId });
  await runSql(
    world.app,
    `INSERT INTO password_resets VALUES ($1, $2, now(), now() + interval '1 hour')`,
    [createHash('sha256').update(RESET.token).digest(), id],
  );
}

/** Keys whose new secret waits to be claimed. They are rotated by a job that is not often due, so several at once. */
const waitingKeys = new WeakMap<World, Made[]>();
async function waitingKey(world: World): Promise<Made> {
  const waiting = waitingKeys.get(world) ?? (await rotateKeys(world, WAITING_KEYS));
  waitingKeys.set(world, waiting);
  const key = waiting.pop();
  return key ?? (waitingKeys.delete(world), await waitingKey(world));
}
const WAITING_KEYS = 4;

async function rotateKeys(world: World, count: number): Promise<Made[]> {
  const { own } = world.sites;
  const keys = await Promise.all(Array.from({ length: count }, () => world.issueKey(own)));
  for (const { id } of keys) {
    const rotation = { schedule: '0 3 1 * *', auto_update_apps: true };
    bodyOf(await world.call(own, 'POST', `/v1/keys/${id}/rotation`, rotation));
  }
  const ids = keys.map(({ id }) => id);
  await runSql(world.app, 'UPDATE key_rotations SET next_at = now() WHERE key_id = ANY ($1)', [
    ids,
  ]);
  const isDone = async (id: string): Promise<boolean> => {
    const { body } = await world.call(own, 'GET', `/v1/keys/${id}/rotation`);
    return (body as { last_rotation_at: string | null }).last_rotation_at !== null;
  };
  await vi.waitFor(
    async () => {
      if ((await Promise.all(ids.map(isDone))).includes(false)) throw new Error('Not rotated yet.');
    },
    { timeout: 25_000, interval: 200 },
  );
  return keys;
}

/** To a limit that it does not have yet. */
const PUT_BUDGET: AuditedCall = {
  body: () => ({ scope: 'organization', window: 'monthly', limit: randomInt(1_000, 1_000_000) }),
};
const PUT_CONFIG: AuditedCall = {
  prepare: before('PUT', '/manage/project-configs', { preference: 'balanced' }),
};

/** By `METHOD url`: what differs from the first call of the authorisation matrix. */
const CALLS: Readonly<Record<string, AuditedCall>> = {
  'POST /v1/organizations': { by: 'master', logOf: theNew },
  'POST /v1/credits/grants': { by: 'master' },
  'PATCH /v1/organizations/:id': ofOthers,
  'POST /v1/organizations/:id/suspend': ofOthers,
  'POST /v1/organizations/:id/resume': {
    ...ofOthers,
    prepare: ({ world, id }) => world.app.call('POST', `/v1/organizations/${id}/suspend`),
  },
  'PATCH /v1/teams/:id': { kind: 'fresh teams', body: () => ({ description: 'Another' }) },
  'POST /v1/teams/:id/resume': { prepare: before('POST', '/v1/teams/:id/suspend') },
  'PATCH /v1/projects/:id': { body: () => ({ description: 'Another' }) },
  'PATCH /v1/members/:id': { body: () => ({ role: 'auditor' }) },
  'PUT /v1/teams/:id/members': {
    body: async ({ world }) => ({
      user_id: await world.makeMember(world.sites.own),
      role: 'developer',
    }),
  },
  'PUT /v1/budgets': PUT_BUDGET,
  'PUT /manage/budgets': PUT_BUDGET,
  'PUT /v1/manage/budgets': PUT_BUDGET,
  'PUT /manage/project-configs': PUT_CONFIG,
  'PUT /v1/manage/project-configs': PUT_CONFIG,
  'POST /v1/users/:id/resume': { prepare: before('POST', '/v1/users/:id/suspend', {}) },
  'POST /v1/service-accounts/:id/resume': {
    prepare: before('POST', '/v1/service-accounts/:id/suspend'),
  },
  // Who asked for it.
  'POST /v1/approvals/:id/withdraw': {
    credential: ({ world }) => Promise.resolve(world.sites.own.key),
  },
  'POST /v1/keys/:id/enable': { prepare: before('POST', '/v1/keys/:id/disable') },
  'POST /v1/keys/:id/claim': { kind: 'waiting secrets' },
  'POST /v1/key/claim': { credential: async ({ world }) => (await waitingKey(world)).key },
  // An administrator may not, without a key that is made for it.
  'DELETE /v1/requests': { by: 'master' },
  'DELETE /v1/requests/:id': { by: 'master' },
  'POST /v1/leaks': {
    by: 'nobody',
    kind: 'key secrets',
    where: 'key',
    body: ({ id }) => ({ leaks: [{ key: id }] }),
    headers: ofKeys('headers'),
  },
  'POST /v1/leaks/github': {
    by: 'nobody',
    kind: 'key secrets',
    where: 'token',
    body: ({ id }) => [{ token: id, type: 't', url: '', source: 'commit' }],
    headers: ofKeys('githubHeaders'),
  },
  'POST /v1/auth/logout': { credential: newSession },
  'POST /v1/auth/password': { credential: newSession },
  'POST /v1/auth/login': { by: 'nobody' },
  'POST /v1/auth/signup': { by: 'nobody', logOf: theFounded },
  'POST /v1/invitations/:token/accept': { by: 'nobody' },
  'POST /v1/auth/password-reset': {
    by: 'nobody',
    prepare: async ({ world }) => Object.assign(FORGETFUL, await signUp(world.app)),
    body: () => ({ email: FORGETFUL.email }),
    logOf: () => FORGETFUL.organizationId,
  },
  'POST /v1/auth/password-reset/confirm': {
    by: 'nobody',
    prepare: openReset,
    body: () => ({ token: RESET.token, password: `${PASSWORD} anew` }),
    logOf: () => RESET.organizationId,
  },
};

/** All that may change something, whatever it says of itself. */
export function mutatingRoutes(routes: readonly AppRoute[]): AppRoute[] {
  return routes.filter(
    ({ method, endpoint }) =>
      endpoint !== null && endpoint.kind !== 'inference' && !SAFE_METHODS.includes(method),
  );
}

export function nameOf({ method, url }: AppRoute): string {
  return `${method} ${url}`;
}

/**
 * Makes all that a call of this route needs.
 * @throws {Error} that says what to add, for a route that there is no call of
 */
export async function readyCall(world: World, route: AppRoute): Promise<ReadyCall> {
  const name = nameOf(route);
  const [first] = callsOf(route.method, route.url);
  const call: RouteCall & AuditedCall = { ...first, ...CALLS[name] };
  const { kind, place = 'own', by = 'admin' } = call;
  const id = await makeOne(world, kind, place as 'own');
  const given: Given = { world, caller: world.callers[by], place, id };
  await call.prepare?.(given);
  const body = await call.body?.(given);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = { ...fromElsewhere(), ...call.headers?.(text ?? '', given) };
  const key = call.credential ? await call.credential(given) : given.caller.credential;
  const path = pathOf(route.url, given, call);
  return {
    name,
    send: () =>
      world.app.call(route.method, path, {
        key,
        headers,
        ...(text !== undefined && { body: text }),
      }),
    email: (body as { email?: string } | undefined)?.email ?? null,
    organizationOf: (answer) => call.logOf?.(given, answer) ?? world.sites.own.organizationId,
  };
}

async function makeOne(
  world: World,
  kind: string | undefined,
  place: keyof World['sites'],
): Promise<string> {
  if (kind === undefined) return '';
  if (kind === 'waiting secrets') return (await waitingKey(world)).id;
  return KINDS[kind]!.make(world, world.sites[place]);
}
