import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { queryDatabase } from '../../support/postgres.js';

let app: TestApp;
let teamId: string;
/** Made in this order, all in one key’s log but the last. */
const NAMES = ['made', 'renamed', 'disabled', 'enabled', 'revoked', 'other'] as const;
const ids = new Map<string, string>();
let keyId: string;
let otherId: string;

type Entry = Record<string, unknown> & { id: string; action: string };
type List = { data: Entry[]; has_more: boolean; next_cursor: string | null };

/** What a line of a log must not be taken apart by: line breaks, the escape of a terminal, a separator of lines of Unicode. */
const NASTY = 'first\r\n{"action":"forged"}\u001b[31m\u2028last';

/** Nothing is sealed as long as it holds its lock. */
let holder: pg.Client;

beforeAll(async () => {
  app = await startTestApp();
  holder = new pg.Client({ connectionString: app.databaseUrl });
  await holder.connect();
  await holder.query(
    `SELECT pg_advisory_lock(7203117, hashtext(id)) FROM organizations WHERE is_default`,
  );
  teamId = idOf(await app.call('POST', '/v1/teams', { body: { name: 'Payments' } }));
  keyId = await makeKey('Straßenbahn');
  const path = `/v1/keys/${keyId}`;
  await app.call('PATCH', path, { body: { name: 'ops.billing-eu' } });
  await app.call('POST', `${path}/disable`, { body: { reason: 'Suspicious TRAFFIC' } });
  await app.call('POST', `${path}/enable`, { body: {}, headers: { 'x-request-id': 'enabling-1' } });
  await app.call('DELETE', path, { body: { reason: 'gone for good' } });
  otherId = await makeKey('other');
  const { data } = await listOf();
  NAMES.toReversed().forEach((name, at) => ids.set(name, data[at]?.id ?? ''));
});
afterAll(async () => {
  await holder.end();
  await app.close();
});

function idOf({ body }: Answer): string {
  return (body as { id: string }).id;
}

async function makeKey(name: string, fields: Record<string, unknown> = {}): Promise<string> {
  return idOf(await app.call('POST', '/v1/keys', { body: { name, ...fields } }));
}

async function listOf(query = '', key = app.masterKey): Promise<List> {
  const answer = await app.call('GET', `/v1/audit?${query}`, { key });
  expect(answer.body).toMatchObject({ data: expect.any(Array) as unknown });
  return answer.body as List;
}

/** By their names here, oldest first. */
async function foundBy(query: string): Promise<string[]> {
  const found = (await listOf(query)).data.map(({ id }) => id);
  const known = new Map([...ids].map(([name, id]) => [id, name]));
  // The first start has made a key, too, and so do the cases below.
  return found.flatMap((id) => known.get(id) ?? []).toReversed();
}

const ask = async (query: string, key = app.masterKey): Promise<[number, string]> => {
  const answer = await app.call('GET', `/v1/audit?${query}`, { key });
  return [answer.status, codeOf(answer) ?? ''];
};

describe('GET /v1/audit', () => {
  it('lists entries newest first, with what is personal', async () => {
    const { data } = await listOf('limit=2');
    expect(data.map(({ action }) => action)).toEqual(['key.created', 'key.revoked']);
    expect(data[1]).toMatchObject({
      event_type: 'key_lifecycle',
      outcome: 'success',
      reason: 'gone for good',
      ip_address: '127.0.0.1',
      target: { type: 'key', id: keyId },
      personal: { ip_address: '127.0.0.1' },
    });
  });

  it('is read page by page, each entry once', async () => {
    const all = (await listOf('limit=200')).data.map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: List = await listOf(cursor === '' ? 'limit=2' : `limit=2&cursor=${cursor}`);
      expect(page.has_more).toBe(page.next_cursor !== null);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(all);
  });

  const ALL = [...NAMES];
  const OF_KEY = ALL.slice(0, -1);
  describe.each(['not sealed yet', 'sealed'])('finds what is %s', (state) => {
    beforeAll(async () => {
      const isSealed = state === 'sealed';
      if (isSealed) {
        await holder.query('SELECT pg_advisory_unlock_all()');
        expect((await app.call('POST', '/v1/audit/checkpoints')).status).toBe(200);
      }
      // The first start has made a key, which may be sealed already.
      const ours = (await listOf()).data.filter(({ id }) => [...ids.values()].includes(id));
      expect(ours).toHaveLength(NAMES.length);
      for (const { sequence } of ours) expect(sequence === null).toBe(!isSealed);
    });

    it.each([
      ['action=key.disabled', ['disabled']],
      ['action=key.*', ALL],
      ['action=team.*&event_types=key_lifecycle', []],
      ['action=nothing.done', []],
      ['event_types=key_lifecycle', ['disabled', 'enabled', 'revoked']],
      ['event_types=permission_change,usage', ['made', 'renamed', 'other']],
      ['event_types=usage', []],
      ['outcome=denied', []],
      ['ip_address=127.0.0.1&action=key.*', ALL],
      ['ip_address=127.0.0.2', []],
      ['target_type=nothing', []],
      ['actor=keys.expire', []],
      ['actor=user_nobody', []],
      ["actor=' OR 1=1 --", []],
      ["request_id=\\' %26 x:* | !y", []],
      ['q=traffic', ['disabled']],
      ['q=Traffic%20SUSP', ['disabled']],
      ['q=suspicious%20nothing', []],
      ['q=suspic%20traffic', []],
      ['q=billing', ['renamed']],
      ['q=ops.billing-eu', ['renamed']],
      ['q=straßen', ['made', 'renamed']],
      ['q=key.disabled&action=key.disabled', ['disabled']],
      ['q=actor_id', []],
      ['q=---', []],
      ["q=' | ! %26 :* gone", ['revoked']],
      ['start_date=2999-01-01', null],
      ['start_date=2100-01-01', []],
      ['end_date=2020-01-01', []],
    ])('%s', async (query, found) => {
      if (found === null) expect(await ask(query)).toEqual([400, 'invalid_request']);
      else expect(await foundBy(query)).toEqual(found);
    });

    it('is found by who did it, what it was done to and the request', async () => {
      const [entry] = (await listOf('limit=1')).data as [Entry & { actor: { id: string } }];
      expect(await foundBy(`actor=${entry.actor.id}&action=key.*`)).toEqual(ALL);
      expect(await foundBy(`target=${otherId}`)).toEqual(['other']);
      expect(await foundBy(`target=${keyId}&target_type=key&outcome=success`)).toEqual(OF_KEY);
      expect(await foundBy(`key_id=${keyId}`)).toEqual(OF_KEY);
      expect(await foundBy(`q=${keyId.slice(0, 12)}`)).toEqual(OF_KEY);
      expect(await foundBy(`request_id=${entry.request_id as string}`)).toEqual(['other']);
    });
  });

  it('takes times and dates, of which the last day is included', async () => {
    const [last, ...rest] = (await listOf()).data as [Entry, ...Entry[]];
    const today = new Date(last.timestamp as string).toISOString().slice(0, 10);
    const all = rest.length + 1;
    expect((await listOf(`end_date=${today}&start_date=${today}`)).data).toHaveLength(all);
    expect((await listOf(`end_date=${last.timestamp as string}`)).data).not.toContainEqual(last);
    expect((await listOf(`start_date=${last.timestamp as string}`)).data).toContainEqual(last);
  });

  it.each([
    'limit=0',
    'limit=201',
    'cursor=x',
    'action=*',
    'action=key',
    'event_types=nothing',
    'outcome=maybe',
    'start_date=yesterday',
    'start_date=2026-02-31',
    'start_date=2026-11-02&end_date=2026-11-01',
    'end_date=2026-11-01T00:00:00',
    `q=${'x'.repeat(201)}`,
    'q=%00',
    'nothing=x',
  ])('refuses %s', async (query) => {
    expect(await ask(query)).toEqual([400, 'invalid_request']);
  });

  it('shows what is written in it as JSON, which no text gets out of', async () => {
    const id = await makeKey('nasty');
    const parameters = [id, NASTY];
    const [row] = await queryDatabase<{ id: string }>(
      app.databaseUrl,
      `UPDATE audit_entries SET reason = $2, details = jsonb_build_object('note', $2::text) WHERE key_id = $1 RETURNING id`,
      parameters,
    );
    const answer = await fetch(`${app.origin}/v1/audit/${row?.id}`, {
      headers: { authorization: `Bearer ${app.masterKey}` },
    });
    const text = await answer.text();
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(text).not.toMatch(/[\u0000-\u001f]/);
    expect(JSON.parse(text)).toMatchObject({ reason: NASTY, details: { note: NASTY } });
    // Each word is one of its own all the same.
    expect((await listOf('q=forged')).data.map((one) => one.id)).toEqual([row?.id]);
  });
});

describe('GET /v1/audit/{id}', () => {
  it('answers the entry as it is listed', async () => {
    const [entry] = (await listOf('limit=1')).data as [Entry];
    expect((await app.call('GET', `/v1/audit/${entry.id}`)).body).toEqual(entry);
  });

  it('does not know others', async () => {
    expect(codeOf(await app.call('GET', '/v1/audit/aud_nothing'))).toBe('not_found');
  });
});

describe('GET /v1/keys/{id}/audit', () => {
  type Events = { events: Entry[]; has_more: boolean; next_cursor: string | null };
  const eventsOf = async (query: string, id = keyId): Promise<Events> =>
    (await app.call('GET', `/v1/keys/${id}/audit?${query}`)).body as Events;
  const actionsIn = ({ events }: Events): string[] => events.map(({ action }) => action);

  it('tells all of an event that there is to print', async () => {
    const { events, has_more: hasMore } = await eventsOf('event_types=usage,key_lifecycle');
    expect(hasMore).toBe(false);
    expect(events).toHaveLength(3);
    expect(events[2]).toMatchObject({
      event_type: 'key_lifecycle',
      action: 'key.disabled',
      user_id: null,
      ip_address: '127.0.0.1',
      outcome: 'success',
      details: { reason: 'Suspicious TRAFFIC', before: { disabled_at: null } },
    });
  });

  it('takes event types one by one, as Python’s requests sends a list, and separated by commas', async () => {
    const day = new Date().toISOString().slice(0, 10);
    const dates = `start_date=2026-01-01&end_date=${day}`;
    const types = ['usage', 'key_lifecycle', 'security_alert'];
    const repeated = types.map((type) => `event_types=${type}`).join('&');
    const found = await eventsOf(`${dates}&${repeated}`);
    expect(actionsIn(found)).toEqual(['key.revoked', 'key.enabled', 'key.disabled']);
    for (const spelling of [types.join(','), types.join('%2C'), types.join(',%20')])
      expect(await eventsOf(`${dates}&event_types=${spelling}`)).toEqual(found);
  });

  it('goes on with the cursor', async () => {
    const first = await eventsOf('limit=3');
    const rest = await eventsOf(`limit=3&cursor=${first.next_cursor}`);
    expect([first.has_more, rest.has_more]).toEqual([true, false]);
    expect([...first.events, ...rest.events]).toEqual((await eventsOf('')).events);
  });

  it('does not know keys that never were', async () => {
    expect(codeOf(await app.call('GET', '/v1/keys/key_nothing/audit'))).toBe('not_found');
  });
});

describe('who reaches only some keys', () => {
  it('reads the log of these alone, one by one, and never the organization’s', async () => {
    const ofTeam = { type: 'team', scope: { team_id: teamId } };
    const reached = await makeKey('theirs', ofTeam);
    const key = await app.keyWith({ scopes: ['audit:read'], ...ofTeam });
    expect(await ask('', key)).toEqual([403, 'operation_not_allowed']);
    expect(await ask(`target=${reached}`, key)).toEqual([403, 'operation_not_allowed']);
    expect((await listOf(`key_id=${reached}`, key)).data).toHaveLength(1);
    for (const id of [otherId, 'key_nothing']) {
      expect(await ask(`key_id=${id}`, key)).toEqual([404, 'not_found']);
      expect(codeOf(await app.call('GET', `/v1/keys/${id}/audit`, { key }))).toBe('not_found');
    }
    const [entry] = (await listOf(`key_id=${reached}`)).data as [Entry];
    expect((await app.call('GET', `/v1/audit/${entry.id}`, { key })).status).toBe(200);
    const other = await app.call('GET', `/v1/audit/${ids.get('other')}`, { key });
    expect(codeOf(other)).toBe('not_found');
    expect((await app.call('GET', `/v1/keys/${reached}/audit`, { key })).status).toBe(200);
  });

  it('may not read it at all without the scope', async () => {
    const key = await app.keyWith({ scopes: ['keys:read', 'usage:read'] });
    expect((await ask('', key))[0]).toBe(403);
    expect((await app.call('GET', `/v1/keys/${otherId}/audit`, { key })).status).toBe(403);
  });
});
