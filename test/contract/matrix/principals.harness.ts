/** Who makes the calls of the authorisation matrix. */
import { type Scope, SCOPES } from '#common/auth/scopes.js';

import { type Answer, type TestApp } from '../../support/app.js';
import { fromElsewhere, logIn, newEmail, PASSWORD } from '../../support/people.js';

/**
 * The columns, in this order. Each says something that no other does:
 * - `master` reaches every organization; `admin` has every scope of one, and nothing bounds it;
 * - `management` has all but inference, without a team; `full` reads all there is for the keys of its team, writes nothing;
 * - `inference` and `read_only` are what programs and dashboards get;
 * - `bounded` has every scope too, but a team and a policy bound it: what scopes alone would let it do it must not;
 * - `owner`, `developer` and `viewer` are sessions: all, what a member of a team may, and read alone. `billing` and
 *   `auditor` are sets of scopes in between, which the rule on missing scopes covers;
 * - `nobody` shows nothing.
 */
export const COLUMNS = [
  'master',
  'admin',
  'management',
  'full',
  'inference',
  'read_only',
  'bounded',
  'owner',
  'developer',
  'viewer',
  'nobody',
] as const;
export type Column = (typeof COLUMNS)[number];

/** Sees keys of one team alone, so that another team's are as missing to it as another organization's. */
export const OF_ONE_TEAM: readonly Column[] = ['full', 'inference', 'bounded', 'developer'];

export type Caller = {
  readonly column: Column;
  /** What it presents; `null`: nothing. */
  credential: string | null;
  /** As docs promise them, and not as the app says. */
  readonly scopes: readonly Scope[];
  /** Of somebody's session. */
  readonly email?: string;
};
export type Callers = Readonly<Record<Column, Caller>>;

const READING = SCOPES.filter((scope) => scope.endsWith(':read'));
/** As the contract and docs/organizations.md have them. */
const PROMISED: Readonly<Record<Column, readonly Scope[]>> = {
  master: SCOPES,
  admin: SCOPES,
  management: SCOPES.filter((scope) => scope !== 'inference'),
  full: ['inference', ...READING],
  inference: ['inference', 'models:read'],
  read_only: ['models:read', 'deployments:read', 'billing:read'],
  bounded: SCOPES,
  // A session calls no models.
  owner: SCOPES.filter((scope) => scope !== 'inference'),
  developer: ['keys:read', 'keys:write', 'usage:read', 'models:read', 'deployments:read'],
  viewer: [
    'keys:read',
    'usage:read',
    'deployments:read',
    'org:read',
    'config:read',
    'providers:read',
    'models:read',
  ],
  nobody: [],
};

const OWN = {
  owner: { can_manage_keys: true, role: 'admin' },
  developer: { can_manage_keys: true, role: 'developer' },
  viewer: { can_manage_keys: false, role: 'viewer' },
} as const;

/** @param teamId the team of those that have one */
export async function gatherCallers(app: TestApp, teamId: string): Promise<Callers> {
  const ofTeam = { type: 'team', scope: { team_id: teamId } };
  const credentials: Record<Column, string | null> = {
    master: app.masterKey,
    admin: await app.keyWith({ access_level: 'admin' }),
    management: await app.keyWith({ access_level: 'management' }),
    full: await app.keyWith({ access_level: 'full', ...ofTeam }),
    inference: await app.keyWith({ access_level: 'inference', ...ofTeam }),
    read_only: await app.keyWith({ access_level: 'read_only' }),
    bounded: await app.keyWith({
      access_level: 'admin',
      permissions: { models: ['sandbox/*'] },
      ...ofTeam,
    }),
    owner: null,
    developer: null,
    viewer: null,
    nobody: null,
  };
  const emails = new Map<Column, string>();
  for (const role of ['owner', 'developer', 'viewer'] as const) {
    const email = newEmail();
    emails.set(role, email);
    credentials[role] = await joinAs(app, { email, role, teamId });
  }
  const callers = COLUMNS.map((column): Caller => {
    const email = emails.get(column);
    return {
      column,
      credential: credentials[column],
      scopes: PROMISED[column],
      ...(email !== undefined && { email }),
    };
  });
  return Object.fromEntries(callers.map((caller) => [caller.column, caller])) as Callers;
}

/** For who has just logged out. */
export async function logInAgain(app: TestApp, caller: Caller): Promise<void> {
  const { token } = bodyOf(await logIn(app, caller.email ?? ''));
  caller.credential = token;
}

async function joinAs(
  app: TestApp,
  { email, role, teamId }: { email: string; role: keyof typeof OWN; teamId: string },
): Promise<string> {
  const invited = await app.call('POST', '/v1/invitations', { body: { email, role } });
  const accepted = await app.call('POST', `/v1/invitations/${bodyOf(invited).token}/accept`, {
    key: null,
    body: { name: role, password: PASSWORD },
    headers: fromElsewhere(),
  });
  const { token, user } = bodyOf(accepted);
  const member = { user_id: user.id, ...OWN[role] };
  bodyOf(await app.call('PUT', `/v1/teams/${teamId}/members`, { body: member }));
  return token;
}

/** What answers of those that are made have, each its own part of it. */
export type Made = {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly token: string;
  readonly organization_id: string;
  readonly user: { readonly id: string };
};

/** @throws {Error} for an answer that is no success */
export function bodyOf({ status, body }: Answer): Made {
  if (status < 300) return body as Made;
  throw new Error(`${status}: ${JSON.stringify(body)}`);
}
