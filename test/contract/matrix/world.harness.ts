/** What the calls of the authorisation matrix are about: one of everything, in each place, made anew when it is spent. */
import { randomBytes } from 'node:crypto';

import { vi } from 'vitest';

import { type Answer, startTestApp, type TestApp, type TestAppOptions } from '../../support/app.js';
import { insertDelivery } from '../../support/deliveries.js';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.js';
import { type LeakReporter, newLeakReporter } from '../../support/leak-reporter.js';
import { foundOrganization, insertMember } from '../../support/organizations.js';
import { newEmail, OPEN_TO_PEOPLE } from '../../support/people.js';
import { neverIssued } from '../../flows/tenants.harness.js';
import { type AppRoute, withRoutes } from '../app-routes.js';
import { bodyOf, type Callers, gatherCallers, type Made } from './principals.harness.js';

/** Where something is, seen from the callers. */
export type Place = 'own' | 'other team' | 'other organization' | 'missing';
const OF_TEAMS = ['own', 'other team', 'other organization', 'missing'] as const;
/** What belongs to no team. */
const OF_ORGANIZATIONS = ['own', 'other organization', 'missing'] as const;

type Site = {
  readonly organizationId: string;
  readonly teamId: string;
  /** Makes things there. */
  readonly key: string;
};

type Kind = {
  readonly places: readonly Place[];
  /** Answers the id, or several joined by `/` for a path with several. */
  readonly make: (world: World, site: Site) => Promise<string>;
  /** An id that nothing has, where it is no prefixed one. */
  readonly missing?: string;
};

/** Management calls of one credential a minute are limited to more than this. */
const CALLS_OF_ONE_MAKER = 400;

const NEEDS_APPROVAL = { permissions: { require_approval: true } };

/** By the segment of a path that stands before its id, or by a name that `calls.harness.ts` uses. */
export const KINDS: Readonly<Record<string, Kind>> = {
  keys: { places: OF_TEAMS, make: (world, site) => world.makeKey(site) },
  'api-keys': { places: OF_TEAMS, make: (world, site) => world.makeKey(site) },
  'rotated keys': {
    places: OF_TEAMS,
    make: async (world, site) => {
      const id = await world.makeKey(site);
      await world.call(site, 'POST', `/v1/keys/${id}/rotate`);
      return id;
    },
  },
  'scheduled keys': {
    places: OF_TEAMS,
    make: async (world, site) => {
      const id = await world.makeKey(site);
      await world.call(site, 'POST', `/v1/keys/${id}/rotation`, { schedule: '0 3 1 * *' });
      return id;
    },
  },
  'signing keys': {
    places: OF_TEAMS,
    make: (world, site) =>
      world.makeKey(site, { security: { authentication: { require_signature: true } } }),
  },
  'key secrets': {
    places: OF_TEAMS,
    missing: 'not-a-key-of-anybody',
    make: async (world, site) => (await world.issueKey(site)).key,
  },
  'key names': {
    places: OF_TEAMS,
    // As long as the others: their length is not what a caller must not learn.
    missing: 'key-0000000',
    make: async (world, site) => (await world.issueKey(site)).name,
  },
  'waiting keys': { places: OF_TEAMS, make: (world, site) => world.makeKey(site, NEEDS_APPROVAL) },
  approvals: {
    places: OF_TEAMS,
    make: async (world, site) => {
      const id = await world.makeKey(site, NEEDS_APPROVAL);
      const { body } = await world.call(site, 'GET', `/v1/approvals?key_id=${id}`);
      return (body as { data: { id: string }[] }).data[0]?.id ?? '';
    },
  },
  // Everybody has the same ones, so that a name tells nothing of anybody.
  environments: {
    places: ['own', 'missing'],
    missing: 'nowhere',
    make: () => Promise.resolve('staging'),
  },
  'service-accounts': {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/service-accounts', {
        name: world.unique('account'),
        role: 'viewer',
      }),
  },
  // Whose keys may do what the keys that are asked for do, so that who may make them is what is left to decide.
  'active service-accounts': {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/service-accounts', {
        name: world.unique('account'),
        role: 'developer',
      }),
  },
  'team service-accounts': {
    places: OF_TEAMS,
    make: (world, site) =>
      world.make(site, '/v1/service-accounts', {
        name: world.unique('account'),
        role: 'developer',
        team_id: site.teamId,
      }),
  },
  providers: {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/providers', {
        name: world.unique('provider'),
        kind: 'openai-compatible',
        base_url: world.upstream.baseUrl,
      }),
  },
  routes: {
    places: OF_ORGANIZATIONS,
    make: async (world, site) =>
      world.make(site, '/v1/routes', {
        model: world.unique('model'),
        provider_id: await KINDS.providers!.make(world, site),
        price: { input_per_million: 1, output_per_million: 1 },
      }),
  },
  budgets: {
    places: OF_TEAMS,
    make: async (world, site) =>
      world.makeBudget(site, { scope: 'key', scope_id: await world.makeKey(site) }),
  },
  'budgets of projects': {
    places: OF_TEAMS,
    make: async (world, site) =>
      world.makeBudget(site, {
        scope: 'project',
        scope_id: await KINDS.projects!.make(world, site),
      }),
  },
  'budgets of all keys': {
    places: OF_ORGANIZATIONS,
    make: (world, site) => world.makeBudget(site, { scope: 'each_key' }),
  },
  requests: {
    places: OF_TEAMS,
    make: async (world, site) => {
      const data_access = { log_requests: true, log_responses: true };
      const { key } = await world.issueKey(site, { permissions: { data_access } });
      const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
      const answer = await world.app.call('POST', '/v1/chat/completions', { key, body });
      const id = answer.headers.get('x-request-id') ?? '';
      bodyOf(await world.call(site, 'GET', `/v1/requests/${id}`));
      return id;
    },
  },
  audit: {
    places: OF_TEAMS,
    make: async (world, site) => {
      const path = `/v1/audit?key_id=${await world.makeKey(site)}`;
      const { body } = await world.call(site, 'GET', path);
      return (body as { data: { id: string }[] }).data[0]?.id ?? '';
    },
  },
  'team webhooks': {
    places: OF_TEAMS,
    make: (world, site) =>
      world.make(site, '/v1/webhooks', {
        url: world.upstream.baseUrl,
        events: ['*'],
        team_id: site.teamId,
      }),
  },
  webhooks: {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/webhooks', {
        url: world.upstream.baseUrl,
        events: ['invoice.issued'],
      }),
  },
  'webhook deliveries': {
    places: OF_ORGANIZATIONS,
    make: async (world, site) => {
      const webhookId = await KINDS.webhooks!.make(world, site);
      const { organizationId } = site;
      const { id } = await insertDelivery(world.app.databaseUrl, { organizationId, webhookId });
      return `${webhookId}/${id}`;
    },
  },
  'notification-emails': {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/notification-emails', { email: newEmail(), events: ['*'] }),
  },
  // The callers' own team can't be made anew: what ends or suspends a team has another one of the organization.
  teams: { places: OF_TEAMS, make: (_, { teamId }) => Promise.resolve(teamId) },
  'fresh teams': {
    places: OF_ORGANIZATIONS,
    make: (world, site) => world.make(site, '/v1/teams', { name: world.unique('team') }),
  },
  'team members': {
    places: OF_TEAMS,
    make: async (world, site) => `${site.teamId}/${await world.makeMember(site)}`,
  },
  projects: {
    places: OF_TEAMS,
    make: (world, site) =>
      world.make(site, '/v1/projects', { name: world.unique('project'), team_id: site.teamId }),
  },
  members: { places: OF_TEAMS, make: (world, site) => world.makeMember(site) },
  users: { places: OF_TEAMS, make: (world, site) => world.makeMember(site) },
  roles: {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/roles', { name: world.unique('role'), scopes: ['org:read'] }),
  },
  invitations: {
    places: OF_ORGANIZATIONS,
    make: (world, site) =>
      world.make(site, '/v1/invitations', { email: newEmail(), role: 'viewer' }),
  },
  // Whoever has the token was invited, whatever else they are.
  'invitation tokens': {
    places: ['own', 'missing'],
    missing: `lki_${'x'.repeat(43)}`,
    make: async (world, site) => {
      const body = { email: newEmail(), role: 'viewer' };
      const made = await world.call(site, 'POST', '/v1/invitations', body);
      return bodyOf(made).token;
    },
  },
  policies: {
    places: OF_ORGANIZATIONS,
    make: (world, site) => world.make(site, '/v1/policies', { name: world.unique('policy') }),
  },
  'inherited policies': {
    places: OF_TEAMS,
    make: async (world, site) => {
      const id = await KINDS.policies!.make(world, site);
      await world.makeKey(site, { permissions: { inherit_from: id } });
      return id;
    },
  },
  exports: {
    places: OF_ORGANIZATIONS,
    make: (world, site) => world.makeExport(site, '/v1/audit/export'),
  },
  organizations: {
    places: OF_ORGANIZATIONS,
    make: async (world, site) => {
      if (site === world.sites.own) return site.organizationId;
      const body = { name: world.unique('organization') };
      return bodyOf(await world.app.call('POST', '/v1/organizations', { body })).id;
    },
  },
};

export class World {
  readonly #known = new Map<string, string>();
  readonly #makers = new Map<string, { key: string; calls: number }>();
  #names = 0;

  readonly app: TestApp;
  readonly routes: readonly AppRoute[];
  readonly upstream: FakeUpstream;
  readonly reporter: LeakReporter;

  private constructor(
    { app, routes, upstream, reporter }: Pick<World, 'app' | 'routes' | 'upstream' | 'reporter'>,
    readonly sites: Readonly<Record<'own' | 'other team' | 'other organization', Site>>,
    readonly callers: Callers,
  ) {
    this.app = app;
    this.routes = routes;
    this.upstream = upstream;
    this.reporter = reporter;
  }

  /** Two organizations, of which the first has two teams, and everybody who calls. */
  static async found(
    options: Pick<TestAppOptions, 'env' | 'logger'> & { readonly rootKey?: Buffer } = {},
  ): Promise<World> {
    const { rootKey = randomBytes(32) } = options;
    const reporter = newLeakReporter();
    const env = {
      ...OPEN_TO_PEOPLE,
      LATCHKEY_SECRET_KEY: rootKey.toString('base64'),
      LATCHKEY_LEAK_PUBLIC_KEYS: reporter.keySet,
      ...options.env,
    };
    const upstream = await startFakeUpstream();
    const { app, routes } = await withRoutes(() => startTestApp({ ...options, env }));
    const teamOf = async (key: string, name: string): Promise<string> =>
      bodyOf(await app.call('POST', '/v1/teams', { key, body: { name } })).id;
    const key = await app.keyWith({ access_level: 'admin' });
    const self = await app.call('GET', '/v1/key', { key });
    const { organization_id: organizationId } = bodyOf(self);
    const { id, admin } = await foundOrganization(app, rootKey);
    const sites = {
      own: { organizationId, teamId: await teamOf(key, 'Own'), key },
      'other team': { organizationId, teamId: await teamOf(key, 'Other'), key },
      'other organization': {
        organizationId: id,
        teamId: await teamOf(admin, 'Theirs'),
        key: admin,
      },
    };
    const callers = await gatherCallers(app, sites.own.teamId);
    return new World({ app, routes, upstream, reporter }, sites, callers);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.upstream.close();
  }

  /** Of one that is finished: only so many may be on their way at once. */
  async makeExport(site: Site, path: string): Promise<string> {
    const id = await this.make(site, path, { format: 'ndjson', period: 'last_7d' });
    const isReady = async (): Promise<void> => {
      const { body } = await this.call(site, 'GET', `/v1/exports/${id}`);
      if ((body as { state: string }).state !== 'ready') throw new Error('Not ready yet.');
    };
    await vi.waitFor(isReady, { timeout: 25_000, interval: 50 });
    return id;
  }

  /** The id of one that nothing has happened to. */
  async idOf(kind: string, place: Place): Promise<string> {
    if (place === 'missing') {
      const { missing } = KINDS[kind]!;
      if (missing !== undefined) return missing;
    }
    const key = `${kind} ${place}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const id =
      place === 'missing'
        ? (await this.idOf(kind, 'own')).split('/').map(neverIssued).join('/')
        : await KINDS[kind]!.make(this, this.sites[place]);
    this.#known.set(key, id);
    return id;
  }

  /** Something has happened to it. */
  spend(kind: string, place: Place): void {
    this.#known.delete(`${kind} ${place}`);
  }

  unique(name: string): string {
    return `${name}-${String(++this.#names).padStart(7, '0')}`;
  }

  async call(site: Site, method: string, path: string, body?: unknown): Promise<Answer> {
    const key = await this.#makerOf(site);
    return this.app.call(method, path, { key, ...(body !== undefined && { body }) });
  }

  async make(site: Site, path: string, body: unknown): Promise<string> {
    return bodyOf(await this.call(site, 'POST', path, body)).id;
  }

  async issueKey(site: Site, fields: Record<string, unknown> = {}): Promise<Made> {
    const name = this.unique('key');
    const body = { name, type: 'team', scope: { team_id: site.teamId }, ...fields };
    return bodyOf(await this.call(site, 'POST', '/v1/keys', body));
  }

  async makeKey(site: Site, fields?: Record<string, unknown>): Promise<string> {
    return (await this.issueKey(site, fields)).id;
  }

  async makeBudget(site: Site, of: { scope: string; scope_id?: string }): Promise<string> {
    const body = { ...of, window: 'daily', limit: 1 };
    return bodyOf(await this.call(site, 'PUT', '/v1/budgets', body)).id;
  }

  async makeMember(site: Site): Promise<string> {
    const user_id = await insertMember(this.app.databaseUrl, site.organizationId);
    const body = { user_id, role: 'viewer' };
    bodyOf(await this.call(site, 'PUT', `/v1/teams/${site.teamId}/members`, body));
    return user_id;
  }

  async #makerOf(site: Site): Promise<string> {
    const { organizationId } = site;
    const maker = this.#makers.get(organizationId) ?? { key: site.key, calls: 0 };
    this.#makers.set(organizationId, maker);
    if (++maker.calls % CALLS_OF_ONE_MAKER !== 0) return maker.key;
    const body = { name: 'maker', access_level: 'admin' };
    const made = await this.app.call('POST', '/v1/keys', { key: maker.key, body });
    maker.key = bodyOf(made).key;
    return maker.key;
  }
}
