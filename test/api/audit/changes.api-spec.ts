import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { callAs, logIn, newEmail, OPEN_TO_PEOPLE, signUp } from '../../support/people.js';
import { queryDatabase } from '../../support/postgres.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp({ env: OPEN_TO_PEOPLE })));
afterAll(() => app.close());

type Entry = Record<string, unknown>;

function entriesOf(targetId: string): Promise<Entry[]> {
  return queryDatabase<Entry>(
    app.databaseUrl,
    'SELECT * FROM audit_entries WHERE target_id = $1 ORDER BY position',
    [targetId],
  );
}

async function make(path: string, body: unknown): Promise<string> {
  const { status, body: made } = await app.call('POST', path, { body });
  if (status !== 201) throw new Error(JSON.stringify(made));
  return (made as { id: string }).id;
}

describe('what is written of', () => {
  it('a change is what is different, as the API shows it', async () => {
    const id = await make('/v1/teams', { name: 'Research' });
    await app.call('PATCH', `/v1/teams/${id}`, { body: { description: 'New' } });
    await app.call('PATCH', `/v1/teams/${id}`, { body: { description: 'New' } });
    await app.call('POST', `/v1/teams/${id}/suspend`);
    await app.call('DELETE', `/v1/teams/${id}`);
    expect(await entriesOf(id)).toMatchObject([
      { action: 'team.created', before: null, after: { name: 'Research', description: null } },
      { action: 'team.updated', before: { description: null }, after: { description: 'New' } },
      { action: 'team.suspended', before: { status: 'active' }, after: { status: 'suspended' } },
      { action: 'team.deleted', before: { name: 'Research', status: 'suspended' }, after: null },
    ]);
  });

  it('people is personal: neither what was nor what is now names them', async () => {
    const email = newEmail();
    const id = await make('/v1/invitations', { email, role: 'viewer' });
    const channel = await make('/v1/notification-emails', { email, events: ['*'] });
    for (const entry of [...(await entriesOf(id)), ...(await entriesOf(channel))]) {
      expect(entry.personal).toMatchObject({ email });
      expect(JSON.stringify([entry.before, entry.after, entry.details])).not.toContain(email);
    }
  });

  it('a credential is that there is another', async () => {
    const secret = 'sk-of-a-provider-only-for-this-test';
    const body = {
      name: 'audited',
      kind: 'openai-compatible',
      base_url: 'https://api.example.com/v1',
    };
    const id = await make('/v1/providers', { ...body, api_key: secret });
    await app.call('PATCH', `/v1/providers/${id}`, { body: { api_key: `${secret}-2` } });
    await app.call('PATCH', `/v1/providers/${id}`, { body: { name: 'renamed' } });
    const entries = await entriesOf(id);
    expect(entries.map(({ details }) => details)).toEqual([
      {},
      { api_key_replaced: true },
      { api_key_replaced: false },
    ]);
    expect(JSON.stringify(entries)).not.toContain(secret);
  });
});

describe('who acts where nobody has to be known', () => {
  it('is who signs up, and from then on their session', async () => {
    const { id, organizationId, token } = await signUp(app);
    expect(await entriesOf(organizationId)).toMatchObject([
      { action: 'organization.created', actor_type: 'user', user_id: id, session_id: null },
    ]);
    await callAs(app, { token }, ['POST', '/v1/auth/logout']);
    const [begun, ended] = await queryDatabase<Entry>(
      app.databaseUrl,
      `SELECT * FROM audit_entries WHERE organization_id = $1 AND target_type = 'session' ORDER BY position`,
      [organizationId],
    );
    expect(begun).toMatchObject({
      action: 'session.created',
      event_type: 'authentication',
      actor_type: 'user',
      actor_id: id,
    });
    expect(begun?.session_id).toBe(begun?.target_id);
    expect(ended).toMatchObject({ action: 'session.ended', session_id: begun?.session_id });
  });

  it('is nobody who is known, for a wrong password; it is a failure', async () => {
    const { id, email, organizationId } = await signUp(app);
    expect((await logIn(app, email, 'not the right one')).status).toBe(401);
    const refusals = await vi.waitFor(async () => {
      const found = await entriesOf(id);
      const refused = found.filter(({ action }) => action === 'session.refused');
      expect(refused).toHaveLength(1);
      return refused;
    });
    expect(refusals).toMatchObject([
      {
        organization_id: organizationId,
        outcome: 'failure',
        actor_type: 'anonymous',
        actor_id: null,
        request_id: expect.stringMatching(/^req_/) as string,
      },
    ]);
  });
});
