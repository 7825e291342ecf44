/** What decides on keys without being one: each route is called, and all that it wrote is compared. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { queryDatabase } from '../../support/postgres.js';
import {
  anything,
  AuditedApp,
  type Body,
  type Case,
  holding,
  type Made,
} from './audited.harness.js';

const MONTHLY = { schedule: '0 0 1 * *', grace_period_hours: 24 };
const WAITS = { permissions: { require_approval: true } };

let audited: AuditedApp;
/** Two administrators. */
let asker: Made;
let approver: Made;
beforeAll(async () => {
  audited = await AuditedApp.start();
  asker = await audited.newKey({ access_level: 'admin' });
  approver = await audited.newKey({ access_level: 'admin' });
});
afterAll(() => audited.app.close());

const by = ({ id }: Made): Body => ({ actor_id: id, acting_key_id: id });

async function waitingApproval(): Promise<{ key: Made; approval: string }> {
  const key = await audited.newKey(WAITS, asker.key);
  const answer = await audited.call('GET', `/v1/approvals?key_id=${key.id}`);
  const [approval] = (answer.body as { data: { id: string }[] }).data;
  return { key, approval: approval?.id ?? '' };
}

const APPROVALS: Readonly<Record<string, Case>> = {
  'POST /v1/keys, which waits': async () => {
    const body = { name: 'asked for', ...WAITS };
    const answer = await audited.call('POST', '/v1/keys', { key: asker.key, body });
    const { id } = answer.body as Made;
    const created = { ...by(asker), after: holding({ awaits_approval: true }) };
    const asked = {
      ...by(asker),
      target_id: expect.stringMatching(/^apr_/) as string,
      key_id: id,
      after: holding({ kind: 'create', status: 'pending', change: { action: 'create' } }),
    };
    return [
      answer,
      [
        audited.entry('key.created', 'key', id, created),
        audited.entry('approval.requested', 'approval', '', asked),
      ],
    ];
  },
  'POST /v1/keys/{id}/approve': async () => {
    const { key, approval } = await waitingApproval();
    const body = { reason: 'as agreed' };
    const path = `/v1/keys/${key.id}/approve`;
    const answer = await audited.call('POST', path, { key: approver.key, body });
    const decided = {
      ...by(approver),
      ...body,
      key_id: key.id,
      before: { status: 'pending' },
      after: { status: 'approved' },
      details: {
        kind: 'create',
        fields: [],
        subject_type: 'key',
        subject_id: key.id,
        cause: asker.id,
      },
    };
    const updated = {
      ...by(approver),
      before: { awaits_approval: true, revoked_at: anything, version: 1 },
      after: { awaits_approval: false, revoked_at: null, version: 2 },
      details: { cause: approval },
    };
    return [
      answer,
      [
        audited.entry('approval.approved', 'approval', approval, decided),
        audited.entry('key.updated', 'key', key.id, updated),
      ],
    ];
  },
  'POST /v1/approvals/{id}/reject': async () => {
    const { key, approval } = await waitingApproval();
    const body = { reason: 'too much' };
    const path = `/v1/approvals/${approval}/reject`;
    const answer = await audited.call('POST', path, { key: approver.key, body });
    const changes = { ...by(approver), ...body, before: anything, after: anything };
    return [
      answer,
      [
        audited.entry('approval.rejected', 'approval', approval, changes),
        audited.entry('key.revoked', 'key', key.id, changes),
      ],
    ];
  },
};

const POLICIES: Readonly<Record<string, Case>> = {
  'POST /v1/policies': async () => {
    const body = { name: 'first', permissions: { models: ['sandbox/echo'] } };
    const answer = await audited.call('POST', '/v1/policies', { body });
    const { id } = answer.body as Made;
    const after = holding({ ...body, version: 1, inherit_from: null });
    return [answer, [audited.entry('policy.created', 'policy', id, { after })]];
  },
  'POST /v1/keys, from a policy': async () => {
    const policy = await audited.idOf('POST', '/v1/policies', { name: 'base' });
    const body = { name: 'heir', permissions: { inherit_from: 'base' } };
    const answer = await audited.call('POST', '/v1/keys', { body });
    const { id } = answer.body as Made;
    const tie = {
      before: { inherit_from: null, overrides: null },
      after: { inherit_from: policy, overrides: {} },
    };
    return [
      answer,
      [
        audited.entry('key.created', 'key', id, { after: anything }),
        audited.entry('key.inheritance_changed', 'key', id, tie),
      ],
    ];
  },
  'PATCH /v1/keys/{id}, from no policy any more': async () => {
    const policy = await audited.idOf('POST', '/v1/policies', { name: 'left' });
    const { id } = await audited.newKey({ permissions: { inherit_from: 'left' } });
    const body = { permissions: { inherit_from: null } };
    const answer = await audited.call('PATCH', `/v1/keys/${id}`, { body });
    const tie = {
      before: { inherit_from: policy, overrides: {} },
      after: { inherit_from: null, overrides: null },
    };
    const updated = { before: { version: 1 }, after: { version: 2 } };
    return [
      answer,
      [
        audited.entry('key.inheritance_changed', 'key', id, tie),
        audited.entry('key.updated', 'key', id, updated),
      ],
    ];
  },
  'PATCH /v1/policies/{id}, with a key that follows': async () => {
    const policy = await audited.idOf('POST', '/v1/policies', { name: 'followed' });
    const { id } = await audited.newKey({ permissions: { inherit_from: 'followed' } });
    const permissions = { models: ['sandbox/echo'] };
    const answer = await audited.call('PATCH', `/v1/policies/${policy}`, { body: { permissions } });
    const changes = {
      before: { permissions: null, version: 1 },
      after: { permissions, version: 2 },
    };
    const followed = {
      key_id: id,
      before: { policy: anything, version: 1 },
      after: { policy: anything, version: 2 },
      details: { cause: policy, policy_version: 2 },
    };
    return [
      answer,
      [
        audited.entry('policy.updated', 'policy', policy, changes),
        audited.entry('key.policy_followed', 'key', id, followed),
      ],
    ];
  },
  'DELETE /v1/policies/{id}': async () => {
    const id = await audited.idOf('POST', '/v1/policies', { name: 'of no use' });
    const answer = await audited.call('DELETE', `/v1/policies/${id}`);
    const before = holding({ name: 'of no use' });
    return [answer, [audited.entry('policy.deleted', 'policy', id, { before })]];
  },
  'PUT /v1/environments/{environment}': async () => {
    const body = { rules: { require_expiry: true } };
    const answer = await audited.call('PUT', '/v1/environments/staging', { body });
    const changes = {
      before: { rules: holding({ require_expiry: false }), version: 0 },
      after: { rules: holding({ require_expiry: true }), version: 1 },
    };
    return [answer, [audited.entry('environment.updated', 'environment', 'staging', changes)]];
  },
};

const BUDGETS: Readonly<Record<string, Case>> = {
  'PUT /v1/budgets': async () => {
    const body = { scope: 'organization', window: 'daily', limit: '5.00' };
    const answer = await audited.call('PUT', '/v1/budgets', { body });
    const { id } = answer.body as Made;
    const after = holding({ scope: 'organization', limit: 5, version: 1 });
    return [answer, [audited.entry('budget.created', 'budget', id, { key_id: null, after })]];
  },
  'PUT /v1/budgets, once more': async () => {
    const body = { scope: 'organization', window: 'weekly', limit: '5.00' };
    const id = await audited.idOf('PUT', '/v1/budgets', body);
    const answer = await audited.call('PUT', '/v1/budgets', { body: { ...body, limit: '7.50' } });
    const changes = { before: { limit: 5, version: 1 }, after: { limit: 7.5, version: 2 } };
    return [answer, [audited.entry('budget.updated', 'budget', id, changes)]];
  },
  'PUT /v1/budgets, the same again': async () => {
    const body = { scope: 'organization', window: 'monthly', limit: '5.00' };
    await audited.call('PUT', '/v1/budgets', { body });
    return [await audited.call('PUT', '/v1/budgets', { body }), []];
  },
  'DELETE /v1/budgets/{id}': async () => {
    const body = { scope: 'each_key', window: 'daily', limit: '1.00' };
    const id = await audited.idOf('PUT', '/v1/budgets', body);
    const answer = await audited.call('DELETE', `/v1/budgets/${id}`);
    const before = holding({ scope: 'each_key', scope_id: null });
    return [answer, [audited.entry('budget.deleted', 'budget', id, { before })]];
  },
};

const ROTATIONS: Readonly<Record<string, Case>> = {
  'POST /v1/keys/{id}/rotate': async () => {
    const { id } = await audited.newKey();
    const answer = await audited.call('POST', `/v1/keys/${id}/rotate`, { body: {} });
    const { old_key_expires_at } = answer.body as Body;
    const changes = {
      before: {
        secrets: [holding({ state: 'current' })],
        old_key_expires_at: null,
        version: 1,
      },
      after: {
        secrets: [holding({ state: 'current' }), holding({ state: 'retiring' })],
        old_key_expires_at,
        version: 2,
      },
    };
    return [answer, [audited.entry('key.rotated', 'key', id, changes)]];
  },
  'PATCH /v1/keys/{id}/rotation': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/rotate`, { body: {} });
    const at = new Date(Date.now() + 60 * 60_000).toISOString();
    const body = { old_key_expires_at: at };
    const answer = await audited.call('PATCH', `/v1/keys/${id}/rotation`, { body });
    const changes = { before: anything, after: holding({ old_key_expires_at: at }) };
    return [answer, [audited.entry('key.cut_off_moved', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/rotation/rollback': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/rotate`, { body: {} });
    const answer = await audited.call('POST', `/v1/keys/${id}/rotation/rollback`);
    const changes = { before: anything, after: holding({ old_key_expires_at: null }) };
    return [answer, [audited.entry('key.rolled_back', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/rotation': async () => {
    const { id } = await audited.newKey();
    const notification_channels = [
      'email:security@example.com',
      'webhook:https://hooks.example.com/services/T0/B0/secret',
    ];
    const body = { ...MONTHLY, notification_channels };
    const answer = await audited.call('POST', `/v1/keys/${id}/rotation`, { body });
    const changes = {
      after: holding({
        ...MONTHLY,
        enabled: true,
        notification_channels: ['email', 'webhook:https://hooks.example.com'],
        set_by: audited.masterId,
      }),
      personal: holding({ email: 'security@example.com' }),
    };
    return [answer, [audited.entry('key.rotation_set', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/rotation, for somebody else’s eyes': async () => {
    const { id } = await audited.newKey();
    const path = `/v1/keys/${id}/rotation`;
    const toward = (address: string): Body => ({
      ...MONTHLY,
      notification_channels: [`email:${address}`],
    });
    await audited.call('POST', path, { body: toward('a@example.com') });
    const answer = await audited.call('POST', path, { body: toward('b@example.com') });
    const changes = {
      before: {},
      after: {},
      personal: holding({ email_before: 'a@example.com', email: 'b@example.com' }),
    };
    return [answer, [audited.entry('key.rotation_set', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/rotation, the same again': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/rotation`, { body: MONTHLY });
    return [await audited.call('POST', `/v1/keys/${id}/rotation`, { body: MONTHLY }), []];
  },
  'DELETE /v1/keys/{id}/rotation': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/rotation`, { body: MONTHLY });
    const answer = await audited.call('DELETE', `/v1/keys/${id}/rotation`);
    const changes = {
      before: holding({ enabled: true, schedule: MONTHLY.schedule }),
      after: holding({ enabled: false, schedule: null }),
    };
    return [answer, [audited.entry('key.rotation_ended', 'key', id, changes)]];
  },
};

describe.each([
  ['approvals', APPROVALS],
  ['policies and environments', POLICIES],
  ['budgets', BUDGETS],
  ['rotation', ROTATIONS],
])('what is written of %s', (_, cases) => {
  it.each(Object.entries(cases))('%s', async (_route, run) => {
    const [answer, expected] = await run();
    expect(await audited.entriesOf(answer)).toEqual(expected);
  });
});

describe('all that was written', () => {
  it('has nothing of a secret, nor of people but where that can be left out', async () => {
    await audited.expectNoSecrets();
    const rows = await queryDatabase<{ text: string }>(
      audited.app.databaseUrl,
      `SELECT concat_ws(' ', before, after, details, reason) AS text FROM audit_entries`,
    );
    expect(rows.map(({ text }) => text).join(' ')).not.toMatch(/@example\.com|services\/T0/);
  });
});
