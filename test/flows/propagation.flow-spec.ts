import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';

type Propagation = { instances: number; acknowledged: number; at_ms: number | null };

let here: TestApp;
let there: TestApp;
beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});

async function knownOnBoth(): Promise<{ id: string; key: string }> {
  const made = await here.call('POST', '/v1/keys', { body: { name: 'known' } });
  const { id, key } = made.body as { id: string; key: string };
  for (const app of [here, there]) {
    expect((await app.call('GET', '/v1/key', { key })).status).toBe(200);
  }
  return { id, key };
}

function propagationOf(answer: Answer): Propagation | undefined {
  return (answer.body as { propagation?: Propagation }).propagation;
}

describe('Prefer: wait', () => {
  it('answers a revocation once every instance refuses the key', async () => {
    for (let round = 0; round < 10; round++) {
      const { id, key } = await knownOnBoth();
      const revoked = await here.call('DELETE', `/v1/keys/${id}`, {
        headers: { prefer: 'wait=5' },
      });
      expect(codeOf(await there.call('GET', '/v1/key', { key }))).toBe('revoked_api_key');
      expect(revoked.headers.get('preference-applied')).toBe('wait=5');
      expect(propagationOf(revoked)).toEqual({
        instances: 2,
        acknowledged: 2,
        at_ms: expect.any(Number) as number,
      });
    }
  });

  it.each([
    ['PATCH', '', { name: 'other' }],
    ['POST', '/disable', {}],
    ['POST', '/enable', undefined],
  ])('is honoured by %s …%s', async (method, path, body) => {
    const { id } = await knownOnBoth();
    const answer = await here.call(method, `/v1/keys/${id}${path}`, {
      body,
      headers: { prefer: 'respond-async, WAIT="3"' },
    });
    expect(answer.status).toBe(200);
    expect(propagationOf(answer)).toMatchObject({ instances: 2, acknowledged: 2 });
  });

  it.each([undefined, 'wait', 'wait=-1', 'wait=x', 'return=minimal', 'await=5'])(
    'is not taken from %j',
    async (prefer) => {
      const { id } = await knownOnBoth();
      const answer = await here.call('DELETE', `/v1/keys/${id}`, {
        headers: { ...(prefer !== undefined && { prefer }) },
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('preference-applied')).toBeNull();
      expect(propagationOf(answer)).toBeUndefined();
    },
  );

  it('says so when an instance that counts as live has not answered in time', async () => {
    const client = new pg.Client({ connectionString: here.databaseUrl });
    await client.connect();
    try {
      await client.query("INSERT INTO instances VALUES ('ins_silent', now())");
      const { id } = await knownOnBoth();
      const revoked = await here.call('DELETE', `/v1/keys/${id}`, {
        headers: { prefer: 'wait=1' },
      });
      expect(propagationOf(revoked)).toEqual({ instances: 3, acknowledged: 2, at_ms: null });
      await client.query(
        "UPDATE instances SET seen_at = now() - interval '11 s' WHERE id = 'ins_silent'",
      );
      const other = await knownOnBoth();
      const later = await here.call('DELETE', `/v1/keys/${other.id}`, {
        headers: { prefer: 'wait=5' },
      });
      expect(propagationOf(later)).toMatchObject({ instances: 2, acknowledged: 2 });
    } finally {
      await client.end();
    }
  });

  it('counts an instance no more once it has stopped', async () => {
    const third = await startTestApp({ besides: here });
    const { id } = await knownOnBoth();
    const asked = (): Promise<Answer> =>
      here.call('PATCH', `/v1/keys/${id}`, { body: { name: 'x' }, headers: { prefer: 'wait=5' } });
    expect(propagationOf(await asked())).toMatchObject({ instances: 3, acknowledged: 3 });
    await third.close();
    expect(propagationOf(await asked())).toMatchObject({ instances: 2, acknowledged: 2 });
  });
});
