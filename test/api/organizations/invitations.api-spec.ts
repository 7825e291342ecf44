import { createHash } from 'node:crypto';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES } from '#common/auth/roles.js';
import { newId } from '#common/ids/prefixed-id.js';

import { refusalOf, Structure } from './structure.harness.js';

let ours: Structure;
let sql: pg.Pool;
beforeAll(async () => {
  ours = await Structure.start();
  sql = new pg.Pool({ connectionString: ours.app.databaseUrl });
});
afterAll(async () => {
  await sql.end();
  await ours.app.close();
});

type Invitation = {
  readonly id: string;
  readonly token: string;
  readonly created_at: string;
  readonly expires_at: string;
};

async function invite(email: string, role = 'developer', key = ours.admin): Promise<Invitation> {
  return (await ours.succeed(
    'POST',
    '/v1/invitations',
    { email, role },
    key,
  )) as unknown as Invitation;
}

async function idsOfToken(token: string): Promise<string[]> {
  const hash = createHash('sha256').update(token).digest();
  const { rows } = await sql.query<{ id: string }>(
    'SELECT id FROM invitations WHERE token_hash = $1',
    [hash],
  );
  return rows.map(({ id }) => id);
}

describe('/v1/invitations', () => {
  it('invites for seven days, with a token that is shown once and not stored', async () => {
    const made = await invite('Ada@Example.COM');
    const self = await ours.succeed('GET', '/v1/key');
    const { token, ...shown } = made;
    expect(shown).toEqual({
      id: expect.stringMatching(/^inv_\w{22}$/) as string,
      email: 'ada@example.com',
      role: 'developer',
      status: 'pending',
      invited_by: self.id,
      created_at: made.created_at,
      expires_at: new Date(Date.parse(made.created_at) + 7 * 24 * 3_600_000).toISOString(),
    });
    expect(token).toMatch(/^lki_[0-9A-Za-z]{43}$/);
    expect(await idsOfToken(token)).toEqual([made.id]);
    expect((await ours.succeed('GET', '/v1/invitations')).data).toEqual([shown]);
    expect(await ours.stored()).not.toContain(token);
    const taken = await ours.succeed('DELETE', `/v1/invitations/${made.id}`);
    expect(taken).toEqual({ id: made.id, deleted: true });
    expect(await idsOfToken(token)).toEqual([]);
    const again = await ours.call('DELETE', `/v1/invitations/${made.id}`);
    expect(refusalOf(again)).toEqual([404, 'not_found', null]);
  });

  it('answers the same token to the same Idempotency-Key', async () => {
    const body = { email: 'once@example.com', role: 'viewer' };
    const call = { key: ours.admin, body, headers: { 'idempotency-key': 'i' } };
    const first = await ours.app.call('POST', '/v1/invitations', call);
    const second = await ours.app.call('POST', '/v1/invitations', call);
    expect([second.status, second.body]).toEqual([201, first.body]);
    const { token, id } = first.body as Invitation;
    expect(await idsOfToken(token)).toEqual([id]);
  });

  it('replaces an earlier one to the same address, also when both come at once', async () => {
    const first = await invite('twice@example.com');
    const second = await invite('TWICE@example.com', 'viewer');
    expect(await idsOfToken(first.token)).toEqual([]);
    const many = await Promise.all(Array.from({ length: 6 }, () => invite('twice@example.com')));
    const alive = await Promise.all([second, ...many].map(({ token }) => idsOfToken(token)));
    expect(alive.flat()).toHaveLength(1);
    const theirs = await invite('twice@example.com', 'viewer', ours.other.admin);
    expect(await idsOfToken(theirs.token)).toEqual([theirs.id]);
  });

  it('lists those that nobody has accepted, expired ones as such', async () => {
    const [old, done] = [await invite('old@example.com'), await invite('done@example.com')];
    await sql.query('UPDATE invitations SET expires_at = now() WHERE id = $1', [old.id]);
    await sql.query('UPDATE invitations SET accepted_at = now() WHERE id = $1', [done.id]);
    const { data } = await ours.succeed('GET', '/v1/invitations');
    const listed = new Map((data as { id: string; status: string }[]).map((one) => [one.id, one]));
    expect(listed.get(old.id)).toMatchObject({ status: 'expired' });
    expect(listed.has(done.id)).toBe(false);
    const accepted = await ours.call('DELETE', `/v1/invitations/${done.id}`);
    expect(refusalOf(accepted)).toEqual([404, 'not_found', null]);
    const page = await ours.succeed('GET', '/v1/invitations?limit=1');
    const next = `/v1/invitations?limit=1&cursor=${page.next_cursor as string}`;
    expect((await ours.succeed('GET', next)).data).not.toEqual(page.data);
  });

  it('409: who is a member already', async () => {
    await ours.person('viewer', { email: 'in@example.com' });
    const body = { email: 'IN@example.com', role: 'viewer' };
    const refused = await ours.call('POST', '/v1/invitations', body);
    expect(refusalOf(refused)).toEqual([409, 'conflict', 'email']);
    await invite('in@example.com', 'viewer', ours.other.admin);
  });

  it('404: a role that is none, or another organization’s', async () => {
    const own = { name: 'Theirs', scopes: ['org:read'] };
    const theirs = await ours.succeed('POST', '/v1/roles', own, ours.other.admin);
    const before = await ours.stored();
    for (const role of [theirs.id, newId('role'), 'boss']) {
      const body = { email: 'new@example.com', role };
      const refused = await ours.call('POST', '/v1/invitations', body);
      expect(refusalOf(refused)).toEqual([404, 'not_found', 'role']);
    }
    expect(await ours.stored()).toBe(before);
  });

  it('403: nobody invites to, replaces or takes back what is beyond them', async () => {
    const weak = await ours.app.keyWith({ scopes: ['org:write'] });
    const { id } = await invite('owner@example.com', 'owner', ours.app.masterKey);
    await invite('admin@example.com', 'admin');
    const before = await ours.stored();
    const denied = [403, 'escalation_denied', 'role'];
    const post = (email: string, role: string, key: string): ReturnType<Structure['call']> =>
      ours.call('POST', '/v1/invitations', { email, role }, key);
    for (const role of BUILT_IN_ROLES) {
      expect(refusalOf(await post('x@example.com', role, weak))).toEqual(denied);
    }
    expect(refusalOf(await post('x@example.com', 'owner', ours.admin))).toEqual(denied);
    expect(refusalOf(await post('owner@example.com', 'viewer', ours.admin))).toEqual(denied);
    const remove = await ours.call('DELETE', `/v1/invitations/${id}`);
    expect(refusalOf(remove)).toEqual(denied);
    expect(await ours.stored()).toBe(before);
  });

  it.each([
    [{ environment: 'development' }],
    [{ expires_at: new Date(Date.now() + 3_600_000).toISOString() }],
    [{ permissions: { models: ['gpt-*'] } }],
    [{ restrictions: { ip_whitelist: ['127.0.0.0/8', '::1'] } }],
    [{ rate_limits: { requests: { per_day: 1_000 } } }],
  ])('403: a key that more than its scopes bounds decides on nobody: %j', async (bounds) => {
    const bounded = await ours.app.keyWith({ access_level: 'admin', ...bounds });
    const before = await ours.stored();
    const body = { email: 'me@example.com', role: 'admin' };
    const refused = await ours.call('POST', '/v1/invitations', body, bounded);
    expect(refusalOf(refused)).toEqual([403, 'escalation_denied', null]);
    expect(await ours.stored()).toBe(before);
  });

  it('403: nor does it say who is in a team', async () => {
    const team = await ours.succeed('POST', '/v1/teams', { name: 'Any' });
    const bounded = await ours.app.keyWith({ access_level: 'admin', environment: 'development' });
    const user_id = await ours.person('viewer');
    const path = `/v1/teams/${team.id}/members`;
    const member = { user_id, role: 'viewer' };
    const put = await ours.call('PUT', path, member, bounded);
    expect(refusalOf(put)).toEqual([403, 'escalation_denied', null]);
    await ours.succeed('PUT', path, member);
    const removed = await ours.call('DELETE', `${path}/${user_id}`, undefined, bounded);
    expect(refusalOf(removed)).toEqual([403, 'escalation_denied', null]);
  });

  it.each([
    [{ role: 'viewer' }, 'email'],
    [{ email: 'ada', role: 'viewer' }, 'email'],
    [{ email: 'a@b.example, c@d.example', role: 'viewer' }, 'email'],
    [{ email: `${'x'.repeat(64)}@${'y'.repeat(200)}.com`, role: 'viewer' }, 'email'],
    [{ email: 'ada@example.com' }, 'role'],
    [{ email: 'ada@example.com', role: '' }, 'role'],
    [{ email: 'ada@example.com', role: 'viewer', token: 'lki_x' }, 'token'],
  ])('400: %j', async (body, param) => {
    const refused = await ours.call('POST', '/v1/invitations', body);
    expect(refusalOf(refused)).toEqual([400, 'invalid_request', param]);
  });
});
