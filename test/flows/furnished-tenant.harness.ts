/** An organization with one of everything that has an id. */
import { expect } from 'vitest';

import type { TestApp } from '../support/app.js';
import { askForExport, finishedExport } from '../support/exports.js';
import { answerJson, completion, startFakeUpstream } from '../support/fake-upstream.js';
import { insertMember } from '../support/organizations.js';
import type { Tenant } from './tenants.harness.js';

export const PRICE = { input_per_million: 1, output_per_million: 1 };

/** @param admin a key of the organization, which may do everything there */
export async function furnish(app: TestApp, name: string, admin: string): Promise<Tenant> {
  const upstream = await startFakeUpstream();
  upstream.behave(answerJson(200, completion(`from ${name}`)));
  const make = async (path: string, body: unknown): Promise<string> => {
    const made = await app.call('POST', path, { key: admin, body });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    return (made.body as { id: string }).id;
  };
  const keys = await make('/v1/keys', { name: `${name}-key` });
  const log = await app.call('GET', `/v1/audit?key_id=${keys}`, { key: admin });
  const audit = (log.body as { data: { id: string }[] }).data[0]?.id ?? '';
  const providers = await make('/v1/providers', {
    name: 'same-name',
    kind: 'openai-compatible',
    base_url: upstream.baseUrl,
    api_key: `credential-of-${name}`,
  });
  const body = { provider_id: providers, price: PRICE };
  const routes = await make('/v1/routes', { ...body, model: 'same-model' });
  await make('/v1/routes', { ...body, model: `only-${name}` });
  const budget = { scope: 'each_key', window: 'monthly', limit: 100 };
  const set = await app.call('PUT', '/v1/budgets', { key: admin, body: budget });
  const { id: budgets } = set.body as { id: string };
  // Of something that does not happen here: what the provider is asked is counted.
  const webhooks = await make('/v1/webhooks', {
    url: upstream.baseUrl,
    events: ['invoice.issued'],
  });
  const requests = await makeLoggedCall(app, admin, `${name}-logged`);
  const emails = await make('/v1/notification-emails', {
    email: 'same@address.example',
    events: ['*'],
  });
  const policies = await make('/v1/policies', { name: 'same-name' });
  const needed = { permissions: { require_approval: true } };
  const waiting = await make('/v1/keys', { name: `${name}-waits`, ...needed });
  const open = await app.call('GET', `/v1/approvals?key_id=${waiting}`, { key: admin });
  const { data: waits } = open.body as { data: { id: string }[] };
  const approvals = waits[0]?.id ?? '';
  const self = await app.call('GET', '/v1/key', { key: admin });
  const { organization_id: organizations } = self.body as { organization_id: string };
  const teams = await make('/v1/teams', { name: 'same-name' });
  const projects = await make('/v1/projects', { name: 'same-name', team_id: teams });
  const accounts = await make('/v1/service-accounts', { name: 'same-name', role: 'viewer' });
  const roles = await make('/v1/roles', { name: 'same-name', scopes: ['org:read'] });
  const invited = { email: 'same@address.example', role: 'viewer' };
  const invitations = await make('/v1/invitations', invited);
  const members = await insertMember(app.databaseUrl, organizations);
  const putIn = { key: admin, body: { user_id: members, role: 'viewer' } };
  expect((await app.call('PUT', `/v1/teams/${teams}/members`, putIn)).status).toBe(200);
  const exports = await makeExport(app, admin);
  return {
    name,
    admin,
    upstream,
    ids: {
      teams,
      'service-accounts': accounts,
      projects,
      members,
      users: members,
      roles,
      invitations,
      organizations,
      keys,
      'api-keys': keys,
      providers,
      routes,
      budgets,
      requests,
      webhooks,
      'notification-emails': emails,
      policies,
      approvals,
      audit,
      exports,
    },
  };
}

/** Answers the id of an export of the audit log that can be downloaded. */
export async function makeExport(app: TestApp, admin: string): Promise<string> {
  const asked = { format: 'ndjson', period: 'last_30d' };
  const { id } = await askForExport(app, asked, { key: admin });
  expect(await finishedExport(app, id, admin)).toMatchObject({ state: 'ready' });
  return id;
}

/** By a new key of this name. Answers the id of a call whose bodies are kept, and stored by now. */
export async function makeLoggedCall(app: TestApp, admin: string, name: string): Promise<string> {
  const permissions = { data_access: { log_requests: true, log_responses: true } };
  const made = await app.call('POST', '/v1/keys', {
    key: admin,
    body: { name, permissions },
  });
  const { key } = made.body as { key: string };
  const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
  const answer = await app.call('POST', '/v1/chat/completions', { key, body });
  const id = answer.headers.get('x-request-id') ?? '';
  const found = await app.call('GET', `/v1/requests/${id}`, { key: admin });
  expect(found.body).toMatchObject({ has_request_body: true, has_response_body: true });
  return id;
}
