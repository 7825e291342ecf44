import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Call, startTestApp, type TestApp } from '../support/app.js';
import { insertDelivery } from '../support/deliveries.js';
import { startFakeUpstream, type FakeUpstream } from '../support/fake-upstream.js';
import { newLeakReporter } from '../support/leak-reporter.js';
import { insertTokens, personOf, signUp } from '../support/people.js';
import { answerOnAudit } from './answers-on-audit.harness.js';
import {
  answerOnApprovals,
  answerOnCredits,
  answerOnEnvironments,
  answerOnMembers,
  answerOnServiceAccounts,
  answerOnTeamsAndProjects,
  type Asking,
} from './answers-on-structure.harness.js';
import { OPERATIONS } from './api-document.js';
import {
  type Body,
  DocumentedCalls,
  operationOf,
  type Values,
} from './documented-calls.harness.js';

const reporter = newLeakReporter();
let app: TestApp;
let upstream: FakeUpstream;
let calls: DocumentedCalls;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  const env = {
    LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
    LATCHKEY_SIGNUP: 'open',
    LATCHKEY_LEAK_PUBLIC_KEYS: reporter.keySet,
  };
  app = await startTestApp({ env });
  calls = new DocumentedCalls(app);
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

const succeed = (id: string, values?: Values, call?: Call): Promise<Body> =>
  calls.succeed(id, values, call);
const fail = (id: string, status: number, values: Values, call?: Call): Promise<void> =>
  calls.fail(id, status, values, call);

const asking = (): Asking => ({ app, succeed, fail, adminKey });

function adminKey(): Promise<string> {
  return app.keyWith({ access_level: 'admin' });
}

describe('what is answered is what openapi.json says, field for field', () => {
  it('keys, in every state', async () => {
    const plain = await succeed('createKey', {}, { body: { name: 'plain' } });
    await succeed(
      'createKey',
      {},
      {
        body: {
          name: 'full',
          environment: 'staging',
          scopes: ['models:read'],
          permissions: { models: { allowed: ['a*'], denied: ['ab'] } },
          expires_at: '2099-01-01T00:00:00Z',
          metadata: { any: { thing: [1, null] } },
        },
      },
    );
    const again = { body: { name: 'twice' }, headers: { 'idempotency-key': 'responses' } };
    const first = await succeed('createKey', {}, again);
    expect(await succeed('createKey', {}, again)).toEqual(first);
    await app.call('POST', '/v1/chat/completions', {
      key: plain.key as string,
      body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'x' }] },
    });
    await succeed('getCallingKey', {}, { key: plain.key as string });
    await succeed('getCallingKey');
    await succeed('getKeyPolicy', { id: plain.id });
    await succeed('getKeyLimits', { id: plain.id });
    await succeed('getKeyPolicySchema');
    const presented = { key: plain.key, request: { model: 'sandbox/echo' } };
    expect(await succeed('verifyKey', {}, { body: presented })).toMatchObject({ valid: true });
    const wrong = { body: { key: 'no key' } };
    expect(await succeed('verifyKey', {}, wrong)).toMatchObject({ valid: false });
    await succeed('simulateRequest', { id: plain.id });
    const refused = { body: { path: '/nowhere' } };
    expect(await succeed('simulateRequest', { id: plain.id }, refused)).toMatchObject({
      code: 'not_found',
    });
    const used = await succeed('getKey', { id: plain.id });
    expect(used.last_used_at).not.toBeNull();
    const disable = { body: { reason: 'odd', auto_enable_after: '1h' } };
    await succeed('updateKey', { id: plain.id }, { body: { name: 'renamed' } });
    const stale = { body: {}, headers: { 'if-match': '"1"' } };
    await fail('updateKey', 412, { id: plain.id }, stale);
    const sign = { security: { authentication: { require_signature: true } } };
    const signed = await succeed('updateKey', { id: first.id }, { body: sign });
    expect(signed.signing_secret).toBeTypeOf('string');
    await succeed('reissueSigningSecret', { id: first.id });
    const madeSigned = await succeed('createKey', {}, { body: { name: 'signs', ...sign } });
    expect(madeSigned.signing_secret).toBeTypeOf('string');
    await fail('reissueSigningSecret', 409, { id: plain.id });
    const end = { old_key_expires_at: new Date(Date.now() + 3_600_000).toISOString() };
    await fail('moveKeyCutOff', 409, { id: plain.id }, { body: end });
    await fail('rollBackKeyRotation', 409, { id: plain.id });
    await succeed('rotateKey', { id: plain.id });
    await succeed('moveKeyCutOff', { id: plain.id }, { body: end });
    await succeed('rollBackKeyRotation', { id: plain.id });
    await succeed('rotateKey', { id: plain.id }, { body: { invalidate_old: true } });
    await succeed('disableKey', { id: plain.id }, disable);
    await succeed('enableKey', { id: plain.id });
    const later = { revoke_immediately: false };
    expect(await succeed('revokeKey', { id: plain.id }, { body: later })).toMatchObject({
      revoked: false,
    });
    await succeed('revokeKey', { id: plain.id }, { body: { reason: 'done' } });
    await fail('updateKey', 409, { id: plain.id }, { body: { name: 'x' } });
    await succeed('revokeKey', { id: plain.id });
    expect(await succeed('getKey', { id: plain.id })).toMatchObject({ status: 'revoked' });
    await succeed('listKeys');
    expect(await succeed('listKeys', { query: '?limit=1' })).toMatchObject({ has_more: true });
  });

  it('keys, in the shapes of other APIs', async () => {
    const body = { name: 'other', scopes: ['inference'], expires_at: '2099-01-01T00:00:00Z' };
    const made = await succeed('createApiKey', {}, { body });
    await succeed('createApiKey', {}, { body: { name: 'bare' } });
    expect(await succeed('listApiKeys', { query: '?limit=1' })).toMatchObject({ has_more: true });
    await succeed('deleteApiKey', { id: made.id });
    for (const alias of ['', '_v1']) {
      const name = { name: `named${alias}` };
      await succeed(`createNamedKey${alias}`, {}, { body: { ...name, is_management_key: true } });
      await succeed(`listNamedKeys${alias}`, { query: '?limit=1' });
      await succeed(`deleteNamedKey${alias}`, {}, { body: name });
      await fail(`deleteNamedKey${alias}`, 404, {}, { body: name });
      const settings = { body: { preference: 'cost', allowed_providers: ['sandbox'] } };
      await succeed(`changeProjectConfig${alias}`, {}, settings);
      await fail(`changeProjectConfig${alias}`, 400, {}, { body: { eu_native: true } });
      await succeed(`getProjectConfig${alias}`);
      await succeed(`changeProjectConfig${alias}`, {}, { body: { allowed_providers: [] } });
    }
  });

  it('policies that keys are made from', async () => {
    const body = { name: 'template', permissions: { models: ['a', 'b'] } };
    const { id } = await succeed('createPolicy', {}, { body });
    await fail('createPolicy', 409, {}, { body });
    const own = { name: 'upon it', inherit_from: id, description: 'Why', security: {} };
    const upon = await succeed('createPolicy', {}, { body: own });
    const permissions = { inherit_from: upon.name, overrides: { models: ['a'] } };
    const key = await succeed('createKey', {}, { body: { name: 'made', permissions } });
    await succeed('getKeyPolicy', { id: key.id });
    await fail('createKey', 404, {}, { body: { name: 'x', permissions: { inherit_from: 'x' } } });
    await succeed('getPolicy', { id });
    await succeed('listPolicies', { query: '?limit=1' });
    await succeed('getEffectivePolicy', { id: upon.id });
    await succeed('listPolicyKeys', { id });
    const change = { body: { permissions: { operations: ['write'] } } };
    await succeed('foreseePolicyChange', { id }, change);
    await succeed('updatePolicy', { id }, change);
    const stale = { ...change, headers: { 'if-match': '"1"' } };
    await fail('updatePolicy', 412, { id }, stale);
    await succeed('listPolicyVersions', { id, query: '?limit=1' });
    await fail('deletePolicy', 409, { id });
    const bare = await succeed('createPolicy', {}, { body: { name: 'bare' } });
    await succeed('deletePolicy', { id: bare.id });
  });

  it('environments', () => answerOnEnvironments(asking()));

  it('approvals', () => answerOnApprovals(asking()));

  it('rotations on a schedule, and claims', async () => {
    const keys = [
      await succeed('createKey', {}, { body: { name: 'rotated' } }),
      await succeed('createKey', {}, { body: { name: 'rotated too' } }),
    ] as const;
    for (const { id } of keys) {
      await succeed('getKeyRotation', { id });
      const body = {
        schedule: '0 3 1 * *',
        auto_update_apps: true,
        notification_channels: ['email:a@example.com', 'webhook:https://hooks.example.com/x'],
      };
      const set = { body, headers: { 'idempotency-key': `responses-${id}` } };
      expect((await succeed('setKeyRotation', { id }, set)).channels).toHaveLength(1);
      await succeed('setKeyRotation', { id }, set);
    }
    await fail('setKeyRotation', 400, { id: keys[0].id }, { body: { schedule: 'never' } });
    await fail('claimKeySecret', 409, { id: keys[0].id });
    const database = new pg.Client({ connectionString: app.databaseUrl });
    await database.connect();
    await database.query('UPDATE key_rotations SET next_at = now()');
    await database.end();
    await vi.waitFor(
      async () => {
        for (const { id } of keys) {
          const { last_rotation_at: last } = await succeed('getKeyRotation', { id });
          expect(last).not.toBeNull();
        }
      },
      { timeout: 25_000, interval: 200 },
    );
    const claim = { headers: { 'idempotency-key': 'responses' } };
    await succeed('claimKeySecret', { id: keys[0].id }, claim);
    await succeed('claimKeySecret', { id: keys[0].id }, claim);
    await succeed('claimOwnSecret', {}, { key: keys[1].key as string });
    await fail('claimOwnSecret', 409, {}, { key: keys[1].key as string });
    await fail('claimOwnSecret', 403, {});
    await succeed('endKeyRotation', { id: keys[0].id });
  });

  it('organizations', async () => {
    const id = (await succeed('getCallingKey')).organization_id as string;
    await succeed('getOrganization', { id });
    await succeed('updateOrganization', { id }, { body: { leaked_keys: 'disable' } });
    const other = await succeed('createOrganization', {}, { body: { name: 'Acme' } });
    expect(await succeed('listOrganizations', { query: '?limit=1' })).toMatchObject({
      has_more: true,
    });
    await succeed('suspendOrganization', other);
    await succeed('resumeOrganization', other);
    await fail('suspendOrganization', 409, { id });
    await fail('createOrganization', 403, {}, { key: await adminKey(), body: { name: 'x' } });
  });

  it('service accounts', () => answerOnServiceAccounts(asking()));

  it('teams and projects', () => answerOnTeamsAndProjects(asking()));

  it('members, roles and invitations', () => answerOnMembers(asking()));

  it('reports of leaked keys', async () => {
    const key = await app.keyWith();
    const leaks = JSON.stringify({ leaks: [{ key }, { key }, { key: 'x' }] });
    const signed = { key: null, body: leaks, headers: reporter.headers(leaks) };
    await succeed('reportLeaks', {}, signed);
    await fail('reportLeaks', 401, {}, { ...signed, body: `${leaks} ` });
    const alerts = JSON.stringify([{ token: key, type: 't', url: '', source: 'commit' }]);
    const body = { key: null, body: alerts, headers: reporter.githubHeaders(alerts) };
    await succeed('reportGithubLeaks', {}, body);
    const wrong = reporter.githubHeaders(leaks);
    await fail('reportGithubLeaks', 400, {}, { ...body, body: leaks, headers: wrong });
  });

  it('providers, routes and models', async () => {
    const bare = await succeed(
      'createProvider',
      {},
      {
        body: { name: 'bare', kind: 'openai-compatible', base_url: upstream.baseUrl },
      },
    );
    const provider = await succeed(
      'createProvider',
      {},
      {
        body: {
          name: 'full',
          kind: 'openai-compatible',
          base_url: upstream.baseUrl,
          api_key: 'sk-only-a-test',
          timeouts: { connect_ms: 1_000 },
        },
      },
    );
    await succeed('getProvider', { id: provider.id });
    await succeed('updateProvider', { id: provider.id }, { body: { api_key: null } });
    await succeed('listProviders', { query: '?limit=1' });
    await succeed('deleteProvider', { id: bare.id });
    const price = { input_per_million: '0.000000001', output_per_million: 2 };
    const route = await succeed(
      'createRoute',
      {},
      {
        body: { model: 'm-1', provider_id: provider.id, price },
      },
    );
    await succeed(
      'createRoute',
      {},
      {
        body: {
          model: 'm-2',
          provider_id: provider.id,
          upstream_model: 'other',
          price: { ...price, cached_input_per_million: 0.5 },
          priority: 3,
          weight: 2,
          context_length: 1_000,
          max_output_tokens: 10,
        },
      },
    );
    await succeed('getRoute', { id: route.id });
    await succeed('updateRoute', { id: route.id }, { body: { priority: 1 } });
    await succeed('listRoutes', { query: '?limit=1' });
    for (const alias of ['', '_openai_v1', '_openai']) {
      await succeed(`listModels${alias}`);
      for (const path of ['m-1', 'm-2', 'sandbox/echo'])
        await succeed(`getModel${alias}`, { path });
    }
    await succeed('deleteRoute', { id: route.id });
  });

  it('budgets', async () => {
    const { id: scope_id } = await succeed('createKey', {}, { body: { name: 'bound' } });
    for (const alias of ['', '_manage', '_v1']) {
      const window = { window: 'daily', limit: '0.000000001' };
      const each = { ...window, scope: 'each_key', model: 'gpt-*', alert_threshold: 0.5 };
      const { id } = await succeed(`putBudget${alias}`, {}, { body: each });
      const own = { body: { ...window, scope: 'key', scope_id } };
      await succeed(`putBudget${alias}`, {}, own);
      await succeed(`putBudget${alias}`, {}, { body: { ...window, scope: 'each_user' } });
      await fail(`putBudget${alias}`, 412, {}, { ...own, headers: { 'if-match': '"9"' } });
      await succeed(`listBudgets${alias}`, { query: '?limit=1' });
      await fail(`listBudgets${alias}`, 400, { query: '?limit=0' });
      await succeed(`deleteBudget${alias}`, { id });
      const unknown = { ...own.body, scope_id: 'key_x' };
      await fail(`putBudget${alias}`, 404, {}, { body: unknown });
    }
  });

  it('credits', () => answerOnCredits(asking()));

  it('webhooks', async () => {
    const hook = { url: upstream.baseUrl, events: ['key.rotated'] };
    const { id, secret } = await succeed('createWebhook', {}, { body: hook });
    expect(secret).toMatch(/^whsec_/);
    await succeed('createWebhook', {}, { body: { ...hook, events: ['*'], description: 'All' } });
    await succeed('getWebhook', { id });
    await succeed('updateWebhook', { id }, { body: { description: null, status: 'active' } });
    expect(await succeed('listWebhooks', { query: '?limit=1' })).toMatchObject({ has_more: true });
    await succeed('rotateWebhookSecret', { id });
    expect(await succeed('testWebhook', { id })).toMatchObject({ delivered: true });
    const organizationId = (await succeed('getCallingKey')).organization_id as string;
    const past = { organizationId, webhookId: id };
    const { id: deliveryId } = await insertDelivery(app.databaseUrl, past);
    await succeed('listWebhookDeliveries', { id, query: '?status=failed' });
    await fail('listWebhookDeliveries', 400, { id, query: '?status=x' });
    await succeed('replayWebhookDelivery', { id, deliveryId });
    const { id: waiting } = await insertDelivery(app.databaseUrl, { ...past, status: 'pending' });
    await fail('replayWebhookDelivery', 409, { id, deliveryId: waiting });
    await succeed('deleteWebhook', { id });
  });

  it('notification e-mails', async () => {
    const body = { email: 'ops@example.com', events: ['key.expiring'] };
    const { id } = await succeed('createNotificationEmail', {}, { body });
    await fail('createNotificationEmail', 409, {}, { body });
    await fail('createNotificationEmail', 400, {}, { body: { ...body, email: 'ops' } });
    await succeed('listNotificationEmails', { query: '?limit=1' });
    await fail('listNotificationEmails', 400, { query: '?limit=0' });
    await fail('createNotificationEmail', 404, {}, { body: { ...body, team_id: 'team_x' } });
    await succeed('deleteNotificationEmail', { id });
    await fail('deleteNotificationEmail', 404, { id });
  });

  it('live usage', async () => {
    const { id } = await succeed('createKey', {}, { body: { name: 'watched' } });
    await succeed('createUsageTicket', { id });
    const operation = operationOf('streamKeyUsageEvents');
    const leaving = new AbortController();
    const response = await fetch(app.origin + operation.path.replace('{id}', id), {
      headers: { authorization: `Bearer ${app.masterKey}` },
      signal: leaving.signal,
    });
    const { status, headers } = response;
    const first = await response.body!.pipeThrough(new TextDecoderStream()).getReader().read();
    leaving.abort();
    calls.expectDocumented(operation.operationId, { status, headers, body: first.value });
    calls.seen.add(operation.operationId);
    await succeed('revokeKey', { id });
    await fail('streamKeyUsageEvents', 409, { id });
  });

  it('inference', async () => {
    const messages = [{ role: 'user', content: 'Hello!' }];
    for (const alias of ['', '_openai_v1', '_openai']) {
      const model = 'sandbox/echo';
      await succeed(`createChatCompletion${alias}`, {}, { body: { model, messages } });
      await succeed(`createCompletion${alias}`, {}, { body: { model, prompt: 'Hello!' } });
      await succeed(`createEmbedding${alias}`, {}, { body: { model, input: 'Hello!' } });
    }
    await succeed('createChatCompletion', {}, { body: { model: 'm-2', messages } });
  });

  it('the request log', async () => {
    const permissions = { data_access: { log_requests: true, log_responses: true } };
    const key = await app.keyWith({ permissions });
    const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
    const answer = await app.call('POST', '/v1/chat/completions', { key, body });
    const id = answer.headers.get('x-request-id') ?? '';
    await succeed('listRequests', { query: '?limit=1' });
    await fail('listRequests', 400, { query: '?status=x' });
    await succeed('getRequest', { id });
    expect(await succeed('getRequest', { id, query: '?include=bodies' })).toMatchObject({
      request_body: { truncated: false },
    });
    await fail('getRequest', 400, { id, query: '?include=x' });
    await succeed('deleteRequestBodies', { id });
    await succeed('deleteBodies', { query: '?before=2026-01-01' });
    await fail('deleteBodies', 400, {});
  });

  it('the audit log', () => answerOnAudit(asking()));

  it('reports on usage', async () => {
    const { id } = await succeed('createKey', {}, { body: { name: 'reported' } });
    await succeed('getKeyAnalytics', { id, query: '?period=7d&granularity=day' });
    await fail('getKeyAnalytics', 400, { id, query: '?period=x' });
    await succeed('getAnalytics', { query: '?group_by=key&time_zone=Europe/Berlin' });
    await fail('getAnalytics', 400, { query: '?group_by=teams' });
    await succeed('getCurrentUsage', { query: '?include_breakdown=true' });
    await succeed('getCurrentUsage');
    await fail('getCurrentUsage', 400, { query: '?granularity=week' });
  });

  it('accounts', async () => {
    const password = 'correct horse battery';
    const account = { email: 'ada@example.com', password };
    const made = await succeed('signUp', {}, { key: null, body: account });
    await fail('signUp', 409, {}, { key: null, body: account });
    await fail('signUp', 400, {}, { key: null, body: { ...account, password: 'short' } });
    const { token } = await succeed('logIn', {}, { key: null, body: account });
    await fail('logIn', 401, {}, { key: null, body: { ...account, password: 'wrong' } });
    const elsewhere = { ...account, organization_id: 'org_x' };
    await fail('logIn', 404, {}, { key: null, body: elsewhere });
    await succeed('getCallingUser', {}, { key: token as string });
    await fail('getCallingUser', 403, {});
    const change = { current_password: password, new_password: 'another long password' };
    await succeed('changePassword', {}, { key: token as string, body: change });
    await succeed('requestPasswordReset', {}, { key: null, body: { email: account.email } });
    const reset = { token: `lkr_${'x'.repeat(43)}`, password };
    await fail('confirmPasswordReset', 401, {}, { key: null, body: reset });
    const { user } = made as unknown as { user: { id: string } };
    await insertTokens(app, user.id, { reset: reset.token, invitation: 'invited' });
    await succeed('confirmPasswordReset', {}, { key: null, body: reset });
    const invited = { token: 'invited' };
    await fail('acceptInvitation', 400, invited, { key: null, body: {} });
    await succeed('acceptInvitation', invited, { key: null, body: { name: 'Bob', password } });
    await fail('acceptInvitation', 404, invited, { key: null, body: { password } });
    const again = personOf(
      await app.call('POST', '/v1/auth/login', { key: null, body: { ...account } }),
    );
    await succeed('logOut', {}, { key: again.token });
  });

  it('exports of the audit log', async () => {
    const asked = { format: 'ndjson', period: 'last_7d' };
    const { id } = await succeed('exportAudit', {}, { body: asked });
    const key = await succeed('createKey', {}, { body: { name: 'exported' } });
    const ofKey = await succeed('exportKeyAudit', { id: key.id }, { body: asked });
    await succeed('deleteExport', { id: ofKey.id });
    await succeed('listExports', { query: '?limit=1' });
    let link: unknown = null;
    await expect
      .poll(async () => (link = (await succeed('getExport', { id })).download_url), {
        timeout: 20_000,
      })
      .toMatch(/file\?/);
    await succeed('downloadExport', { id });
    const query = String(link).replace(/^.*\?/, '?');
    await succeed('getExportFile', { id, query }, { key: null });
    const forged = query.replace(/signature=.{4}/, 'signature=AAAA');
    await fail('getExportFile', 404, { id, query: forged }, { key: null });
    await fail('getExportFile', 400, { id }, { key: null });
  });

  it('operations', async () => {
    await succeed('getLiveness');
    await succeed('getReadiness');
    await succeed('getMetrics');
  });

  it('refusals', async () => {
    const weak = await app.keyWith({ scopes: ['deployments:read'] });
    const { token } = await signUp(app);
    const nowhere = { id: 'x_doesnotexist', deliveryId: 'x', userId: 'x', path: 'doesnotexist' };
    let caller = 0;
    for (const { operationId, responses, requestBody } of OPERATIONS) {
      const scope = operationOf(operationId)['x-required-scope'];
      if (scope === 'public') continue;
      // Each from somewhere else, or failed attempts would add up to a 429.
      const headers = { 'x-forwarded-for': `203.0.113.${++caller}` };
      await fail(operationId, 401, nowhere, { key: null, headers });
      if (scope !== 'authenticated') await fail(operationId, 403, nowhere, { key: weak });
      if (requestBody) await fail(operationId, 400, nowhere, { body: '{"x":' });
      const key = operationId === 'changePassword' ? token : app.masterKey;
      if (requestBody) await fail(operationId, 400, nowhere, { key, body: { '': 0 } });
      if (requestBody || operationId === 'listCreditGrants') continue;
      if ('404' in responses) await fail(operationId, 404, nowhere);
    }
    const lists = ['listKeys', 'listApiKeys', 'listNamedKeys', 'listProviders', 'listRoutes'];
    for (const id of lists) await fail(id, 400, { query: '?limit=0' });
    for (const id of [
      'updateProvider',
      'updateRoute',
      'revokeKey',
      'updateKey',
      'disableKey',
      'simulateRequest',
      'updateOrganization',
      'updateWebhook',
    ]) {
      await fail(id, 404, nowhere, { body: {} });
    }
    const body = { model: 'doesnotexist', messages: [] };
    await fail('createChatCompletion', 404, {}, { body });
  });

  it('and no operation was left out', () => {
    const missing = OPERATIONS.filter(({ operationId }) => !calls.seen.has(operationId));
    expect(missing.map(({ operationId }) => operationId)).toEqual([]);
  });
});
