/** A change that an auditor is not told of, or is told of as another's: each route is called, and all that it wrote is compared. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { People } from '../../support/key-owners.js';
import { newLeakReporter } from '../../support/leak-reporter.js';
import { queryDatabase } from '../../support/postgres.js';
import {
  anything,
  AuditedApp,
  type Body,
  type Case,
  holding,
  type Made,
} from './audited.harness.js';

const reporter = newLeakReporter();
const IN_A_YEAR = new Date(Date.now() + 365 * 86_400_000).toISOString();

let audited: AuditedApp;
beforeAll(async () => {
  audited = await AuditedApp.start({ LATCHKEY_LEAK_PUBLIC_KEYS: reporter.keySet });
});
afterAll(() => audited.app.close());

const CASES: Readonly<Record<string, Case>> = {
  'POST /v1/keys': async () => {
    const answer = await audited.call('POST', '/v1/keys', { body: { name: 'new' } });
    const { id } = answer.body as Made;
    const after = holding({ name: 'new', members: [], version: 1 });
    return [answer, [audited.entry('key.created', 'key', id, { key_id: id, after })]];
  },
  'PATCH /v1/keys/{id}': async () => {
    const metadata = { z: 1, a: [{ y: 1, b: 2 }] };
    const { id } = await audited.newKey({ scopes: ['inference'], metadata });
    const body = { scopes: ['inference', 'models:read'], metadata: { a: [{ b: 2, y: 1 }], z: 1 } };
    const answer = await audited.call('PATCH', `/v1/keys/${id}`, { body });
    const changes = {
      before: { scopes: ['inference'], version: 1 },
      after: { scopes: ['inference', 'models:read'], version: 2 },
    };
    return [answer, [audited.entry('key.updated', 'key', id, changes)]];
  },
  'PATCH /v1/keys/{id}, of its members': async () => {
    const people = await People.of(audited.app);
    const users = [await people.user(), await people.user()].toSorted();
    await people.close();
    const [first, second] = users.map((user_id) => ({
      user_id,
      role: 'viewer',
      can_manage_key: false,
    }));
    const { id } = await audited.newKey({ members: [first] });
    const body = { members: [second, first] };
    const answer = await audited.call('PATCH', `/v1/keys/${id}`, { body });
    const changes = {
      before: { members: [first], version: 1 },
      after: { members: [first, second], version: 2 },
    };
    return [answer, [audited.entry('key.updated', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/disable': async () => {
    const { id } = await audited.newKey();
    const body = { reason: 'on holiday' };
    const answer = await audited.call('POST', `/v1/keys/${id}/disable`, { body });
    const changes = {
      before: { disabled_at: null, version: 1 },
      after: { disabled_at: anything, version: 2 },
      ...body,
    };
    return [answer, [audited.entry('key.disabled', 'key', id, changes)]];
  },
  'PATCH /v1/keys/{id}, of a disabled one': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/disable`, { body: { reason: 'another change’s' } });
    const answer = await audited.call('PATCH', `/v1/keys/${id}`, { body: { name: 'later' } });
    const changes = {
      before: { name: 'audited', version: 2 },
      after: { name: 'later', version: 3 },
      reason: null,
    };
    return [answer, [audited.entry('key.updated', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/enable': async () => {
    const { id } = await audited.newKey();
    await audited.call('POST', `/v1/keys/${id}/disable`, { body: { reason: 'for now' } });
    const answer = await audited.call('POST', `/v1/keys/${id}/enable`);
    const changes = { before: anything, after: { disabled_at: null, version: 3 } };
    return [answer, [audited.entry('key.enabled', 'key', id, changes)]];
  },
  'DELETE /v1/keys/{id}, with its budget': async () => {
    const { id } = await audited.newKey();
    const terms = { scope: 'key', scope_id: id, window: 'daily', limit: '1.00' };
    const budget = await audited.idOf('PUT', '/v1/budgets', terms);
    const answer = await audited.call('DELETE', `/v1/keys/${id}`, { body: { reason: 'gone' } });
    const revoked = { before: anything, after: anything, reason: 'gone' };
    const deleted = {
      key_id: id,
      before: holding({ scope: 'key', scope_id: id, limit: 1 }),
      details: { cause: id },
    };
    return [
      answer,
      [
        audited.entry('key.revoked', 'key', id, revoked),
        audited.entry('budget.deleted', 'budget', budget, deleted),
      ],
    ];
  },
  'DELETE /v1/keys/{id}, at a time to come': async () => {
    const { id } = await audited.newKey();
    const body = { revoke_immediately: false, revoke_at: IN_A_YEAR, reason: 'its project ends' };
    const answer = await audited.call('DELETE', `/v1/keys/${id}`, { body });
    const changes = {
      before: { revoked_at: null, version: 1 },
      after: { revoked_at: IN_A_YEAR, version: 2 },
      reason: 'its project ends',
    };
    return [answer, [audited.entry('key.revocation_planned', 'key', id, changes)]];
  },
  'POST /v1/keys/{id}/signing-secret': async () => {
    const security = { authentication: { require_signature: true } };
    const { id } = await audited.newKey({ security });
    const answer = await audited.call('POST', `/v1/keys/${id}/signing-secret`);
    const changes = { before: { version: 1 }, after: { version: 2 } };
    return [answer, [audited.entry('key.signing_secret_reissued', 'key', id, changes)]];
  },
  'POST /v1/leaks': async () => {
    const { id, key } = await audited.newKey();
    const leak = { key, url: `https://example.com/${key}`, source: 'a paste' };
    const body = JSON.stringify({ leaks: [leak] });
    const headers = reporter.headers(body);
    const answer = await audited.call('POST', '/v1/leaks', { key: null, body, headers });
    const changes = {
      actor_type: 'anonymous',
      actor_id: null,
      acting_key_id: null,
      before: anything,
      after: anything,
      reason: expect.stringMatching(
        /^Leaked: a paste, https:\/\/example\.com\/.*\[redacted\]/,
      ) as unknown,
      details: { cause: expect.stringMatching(/^sec_/) as string, reported_by: 'a paste' },
    };
    return [answer, [audited.entry('key.revoked', 'key', id, changes)]];
  },
  'POST /v1/api-keys': async () => {
    const answer = await audited.call('POST', '/v1/api-keys', { body: { name: 'mine' } });
    const { id } = answer.body as Made;
    return [
      answer,
      [audited.entry('key.created', 'key', id, { after: holding({ name: 'mine' }) })],
    ];
  },
  'DELETE /v1/api-keys/{id}': async () => {
    const { id } = await audited.newKey();
    const answer = await audited.call('DELETE', `/v1/api-keys/${id}`);
    const changes = { before: anything, after: anything };
    return [answer, [audited.entry('key.revoked', 'key', id, changes)]];
  },
  'POST /manage/api-keys': async () => {
    const answer = await audited.call('POST', '/manage/api-keys', { body: { name: 'managed' } });
    const created = { target_id: anything, after: holding({ name: 'managed' }) };
    return [answer, [audited.entry('key.created', 'key', '', created)]];
  },
  'DELETE /manage/api-keys': async () => {
    const { id } = await audited.newKey({ name: 'to be deleted' });
    const body = { name: 'to be deleted' };
    const answer = await audited.call('DELETE', '/manage/api-keys', { body });
    const changes = { before: anything, after: anything };
    return [answer, [audited.entry('key.revoked', 'key', id, changes)]];
  },
};

describe('what is written of a change of a key', () => {
  it.each(Object.entries(CASES))('%s', async (_, run) => {
    const [answer, expected] = await run();
    expect(await audited.entriesOf(answer)).toEqual(expected);
  });

  it('has nothing of a secret', () => audited.expectNoSecrets());
});

describe('the first key', () => {
  it('is made by the start of the installation', async () => {
    const entries = await queryDatabase<Body>(
      audited.app.databaseUrl,
      'SELECT action, actor_type, actor_id FROM audit_entries WHERE target_id = $1',
      [audited.masterId],
    );
    expect(entries).toEqual([{ action: 'key.created', actor_type: 'system', actor_id: 'start' }]);
  });
});

describe('whoever takes somebody out of the organization', () => {
  it('is who revokes their keys with that, also after the answer', async () => {
    const people = await People.of(audited.app);
    try {
      const userId = await people.user();
      const { id } = await audited.newKey();
      await people.client.query('UPDATE api_keys SET owner_id = $2 WHERE id = $1', [id, userId]);
      const answer = await audited.call('DELETE', `/v1/members/${userId}`);
      const revoked = audited.entry('key.revoked', 'key', id, {
        before: anything,
        after: anything,
        reason: 'The owner is no member of the organization any more.',
        details: { cause: userId },
      });
      await vi.waitFor(async () => expect(await audited.entriesOf(answer)).toContainEqual(revoked));
    } finally {
      await people.close();
    }
  });
});
