import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import { SCOPES } from '#common/auth/scopes.js';

import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import { Structure } from './structure.harness.js';

const PAGE = 'docs/organizations.md';
const text = readFileSync(new URL(`../../../${PAGE}`, import.meta.url), 'utf8');

describe('docs/organizations.md', () => {
  it.each(BUILT_IN_ROLES)('says what the role %s is', (role) => {
    const row = new RegExp(`^\\| \`${role}\` +\\| (.*) \\|$`, 'm').exec(text)?.[1] ?? '';
    const named = [...row.matchAll(/`([a-z]+(?::[a-z]+)?)`/g)].map(([, scope = '']) => scope);
    const scopes = row.startsWith('all') ? SCOPES : named;
    expect([...scopes].toSorted()).toEqual([...SCOPES_OF_ROLE[role]].toSorted());
  });
});

describe.skipIf(!isInstalled('curl'))('the commands of docs/organizations.md', () => {
  let ours: Structure;
  const env: Record<string, string> = {};
  const [
    makeRole,
    invite,
    list,
    patch,
    makeTeam,
    takeIn,
    makeProject,
    makeAccount,
    suspend,
    found,
  ] = blocksOf(PAGE, 'sh');
  beforeAll(async () => {
    ours = await Structure.start();
    env.LATCHKEY_KEY = ours.app.masterKey;
    env.USER_ID = await ours.person('viewer');
  });
  afterAll(() => ours.app.close());

  async function run(commands = ''): Promise<Record<string, unknown>> {
    const here = commands.replaceAll('http://127.0.0.1:3000', ours.app.origin);
    const args = ['-e', '-u', '-c', here];
    return JSON.parse(await runProgram('sh', args, { env })) as Record<string, unknown>;
  }

  it('make a role and invite somebody', async () => {
    expect(await run(makeRole)).toMatchObject({
      name: 'Release manager',
      scopes: ['keys:read', 'usage:read'],
    });
    const [shown = '{}'] = blocksOf(PAGE, 'json');
    const invitation = await run(invite);
    expect(Object.keys(invitation)).toEqual(Object.keys(JSON.parse(shown) as object));
    expect(await run(invite)).toEqual(invitation);
  });

  it('list members, and give one another role', async () => {
    expect(await run(list)).toMatchObject({ data: [{ id: env.USER_ID, role: 'viewer' }] });
    expect(await run(patch)).toMatchObject({ id: env.USER_ID, role: 'auditor' });
  });

  it('make a team with somebody in it, and a project', async () => {
    const { id } = await run(makeTeam);
    env.TEAM_ID = id as string;
    expect(await run(takeIn)).toMatchObject({ user_id: env.USER_ID, can_manage_keys: true });
    expect(await run(makeProject)).toMatchObject({ name: 'Search', team_id: id });
    expect(await run(makeAccount)).toMatchObject({ name: 'nightly-batch', role: 'developer' });
  });

  it('suspend somebody, and make an organization', async () => {
    expect(await run(suspend)).toMatchObject({ id: env.USER_ID, status: 'suspended' });
    expect(await run(found)).toMatchObject({ name: 'Acme', status: 'active' });
  });
});
