/** Calls about what an organization consists of, each held to the document of the API. */
import { expect } from 'vitest';

import type { Call, TestApp } from '../support/app.js';
import { insertMember } from '../support/organizations.js';
import type { Body, Values } from './documented-calls.harness.js';

export type Asking = {
  readonly app: TestApp;
  readonly succeed: (id: string, values?: Values, call?: Call) => Promise<Body>;
  readonly fail: (id: string, status: number, values: Values, call?: Call) => Promise<void>;
  readonly adminKey: () => Promise<string>;
};

export async function answerOnEnvironments({ succeed, fail }: Asking): Promise<void> {
  await succeed('listEnvironments');
  const environment = 'development';
  await succeed('getEnvironment', { environment });
  await fail('getEnvironment', 404, { environment: 'test' });
  const rules = { allowed_networks: ['127.0.0.1', '::1'], require_signature: false };
  const body = { defaults: { permissions: { models: ['a'] } }, rules };
  await succeed('setEnvironment', { environment }, { body });
  await succeed('listEnvironments');
  const key = await succeed('createKey', {}, { body: { name: 'with defaults', environment } });
  await succeed('getKeyPolicy', { id: key.id });
  const stale = { body: {}, headers: { 'if-match': '"0"' } };
  await fail('setEnvironment', 412, { environment }, stale);
  await fail('setEnvironment', 400, { environment }, { body: { wrong: true } });
  await succeed('setEnvironment', { environment }, { body: {} });
}

export async function answerOnApprovals({ app, succeed, fail, adminKey }: Asking): Promise<void> {
  const asker = await adminKey();
  const permissions = { require_approval: true, models: ['a'] };
  const ask = async (): Promise<string> => {
    const body = { name: 'waits', permissions };
    return (await succeed('createKey', {}, { key: asker, body })).id;
  };
  const openOf = async (key: string): Promise<string> => {
    const answer = await app.call('GET', `/v1/approvals?status=pending&key_id=${key}`);
    return (answer.body as { data: { id: string }[] }).data[0]?.id ?? '';
  };
  const id = await ask();
  await succeed('listApprovals');
  await succeed('getApproval', { id: await openOf(id) });
  await fail('approveKey', 403, { id }, { key: asker });
  await succeed('approveKey', { id });
  await fail('approveKey', 409, { id });
  const wider = { key: asker, body: { permissions: { models: ['*'] } } };
  await succeed('updateKey', { id }, wider);
  await succeed('approve', { id: await openOf(id) });
  await succeed('disableKey', { id });
  await succeed('enableKey', { id }, { key: asker });
  await succeed('reject', { id: await openOf(id) }, { body: { reason: 'no' } });
  const withdrawn = await openOf(await ask());
  await fail('withdrawApproval', 403, { id: withdrawn });
  await succeed('withdrawApproval', { id: withdrawn }, { key: asker });
  await fail('withdrawApproval', 409, { id: withdrawn }, { key: asker });
  const narrow = { name: 'approved', permissions };
  const policy = await succeed('createPolicy', {}, { body: narrow });
  await succeed(
    'createKey',
    {},
    { body: { name: 'follows', permissions: { inherit_from: policy.name } } },
  );
  await succeed('approve', await succeed('updatePolicy', policy, { ...wider, key: asker }));
  const threshold = { approval_budget_threshold: '10' };
  const { body: self } = await app.call('GET', '/v1/key');
  const own = { id: (self as { organization_id: string }).organization_id };
  await succeed('updateOrganization', own, { body: threshold });
  const lifted = { key: asker, body: { approval_budget_threshold: null } };
  const { id: lifting } = await succeed('updateOrganization', own, lifted);
  const budget = (limit: number): unknown => ({ scope: 'organization', window: 'daily', limit });
  const lowest = await succeed('putBudget', {}, { body: budget(1) });
  const { id: more } = await succeed('putBudget', {}, { key: asker, body: budget(11) });
  await fail('deleteBudget', 409, lowest);
  await succeed('getApproval', { id: more });
  await succeed('reject', { id: more });
  await succeed('withdrawApproval', await succeed('deleteBudget', lowest, { key: asker }), {
    key: asker,
  });
  await succeed('approve', { id: lifting });
  await fail('getApproval', 404, { id: 'apr_0' });
  await succeed('rejectKey', { id: await ask() });
}

export async function answerOnServiceAccounts({ succeed, fail }: Asking): Promise<void> {
  const body = { name: 'One', role: 'viewer' };
  const made = await succeed('createServiceAccount', {}, { body });
  await fail('createServiceAccount', 409, {}, { body });
  await fail('createServiceAccount', 404, {}, { body: { name: 'Two', role: 'role_x' } });
  await succeed('getServiceAccount', made);
  await succeed('updateServiceAccount', made, { body: { role: 'auditor' } });
  await succeed('listServiceAccounts', { query: '?status=active' });
  await succeed('suspendServiceAccount', made);
  await succeed('resumeServiceAccount', made);
  await succeed('deleteServiceAccount', made);
  await fail('getServiceAccount', 404, made);
}

export async function answerOnTeamsAndProjects({ app, succeed, fail }: Asking): Promise<void> {
  const organizationId = (await succeed('getCallingKey')).organization_id as string;
  const { id } = await succeed('createTeam', {}, { body: { name: 'One', description: 'x' } });
  await succeed('createTeam', {}, { body: { name: 'Two' } });
  await fail('createTeam', 409, {}, { body: { name: 'Two' } });
  await succeed('getTeam', { id });
  await succeed('updateTeam', { id }, { body: { description: null } });
  expect(await succeed('listTeams', { query: '?limit=1' })).toMatchObject({ has_more: true });
  await succeed('suspendTeam', { id });
  await succeed('resumeTeam', { id });
  const userId = await insertMember(app.databaseUrl, organizationId);
  const member = { user_id: userId, role: 'admin', can_manage_keys: true };
  await succeed('putTeamMember', { id }, { body: member });
  await fail('putTeamMember', 404, { id }, { body: { ...member, user_id: 'user_x' } });
  await succeed('listTeamMembers', { id });
  await succeed('getMember', { id: userId });
  await succeed('deleteTeamMember', { id, userId });
  const body = { name: 'P', team_id: id };
  const project = await succeed('createProject', {}, { body });
  await fail('deleteTeam', 409, { id });
  await fail('createProject', 404, {}, { body: { name: 'Q', team_id: 'team_x' } });
  await succeed('getProject', project);
  await succeed('updateProject', project, { body: { team_id: null } });
  await succeed('listProjects', { query: `?team_id=${id}` });
  await succeed('deleteProject', project);
  await succeed('deleteTeam', { id });
}

export async function answerOnMembers({ app, succeed, fail, adminKey }: Asking): Promise<void> {
  const organizationId = (await succeed('getCallingKey')).organization_id as string;
  const id = await insertMember(app.databaseUrl, organizationId);
  const own = { name: 'Own', scopes: ['org:read'] };
  const role = await succeed('createRole', {}, { body: own });
  await fail('createRole', 409, {}, { body: own });
  await succeed('getRole', role);
  await succeed('getRole', { id: 'owner' });
  await succeed('updateRole', role, { body: { description: 'x' } });
  await succeed('listRoles', { query: '?limit=200' });
  await succeed('updateMember', { id }, { body: { role: role.id } });
  await fail('deleteRole', 409, role);
  await fail('updateMember', 404, { id }, { body: { role: 'role_x' } });
  const makeOwner = { key: await adminKey(), body: { role: 'owner' } };
  await fail('updateMember', 403, { id }, makeOwner);
  await succeed('listMembers', { query: '?limit=1' });
  await succeed('suspendUser', { id });
  await succeed('resumeUser', { id }, { body: { everywhere: true } });
  await succeed('deleteMember', { id });
  await succeed('deleteRole', role);
  const invite = { body: { email: 'new@example.com', role: 'viewer' } };
  const invitation = await succeed('createInvitation', {}, invite);
  await succeed('listInvitations', { query: '?limit=1' });
  await succeed('deleteInvitation', invitation);
}

export async function answerOnCredits({ app, succeed, fail }: Asking): Promise<void> {
  const grant = { amount: '0.000000001', reason: 'spec' };
  await succeed('createCreditGrant', {}, { body: grant });
  const all = { ...grant, kind: 'promotional', expires_at: '2999-01-01T00:00:00Z' };
  await succeed('createCreditGrant', {}, { body: all });
  const unknown = { ...grant, organization_id: 'org_doesnotexist' };
  await fail('createCreditGrant', 404, {}, { body: unknown });
  await fail('createCreditGrant', 409, {}, { body: { ...grant, amount: 9_000_000 } });
  const page = await succeed('listCreditGrants', { query: '?limit=1' });
  expect(page).toMatchObject({ has_more: true });
  await fail('listCreditGrants', 400, { query: '?limit=0' });
  await fail('listCreditGrants', 404, { query: '?organization_id=org_doesnotexist' });
  const key = await app.keyWith({ scopes: ['billing:read'] });
  for (const call of [{}, { key }]) {
    await succeed('getCredits', {}, call);
    for (const alias of ['', '_v1']) await succeed(`getUserBalance${alias}`, {}, call);
  }
}
