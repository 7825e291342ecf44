import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { callAs, OPEN_TO_PEOPLE, type Person, runSql, signUp } from '../../support/people.js';

let app: TestApp;
let owner: Person;
beforeAll(async () => {
  app = await startTestApp({ env: OPEN_TO_PEOPLE });
  owner = await signUp(app);
});
afterAll(() => app.close());

/** Somebody with that role in the owner's organization, by a session of theirs there. */
async function member(role: string): Promise<Person> {
  const person = await signUp(app);
  await runSql(
    app,
    'UPDATE organization_members SET organization_id = $2, role = $3 WHERE user_id = $1',
    [person.id, owner.organizationId, role],
  );
  await runSql(app, 'UPDATE sessions SET organization_id = $2 WHERE user_id = $1', [
    person.id,
    owner.organizationId,
  ]);
  return { ...person, organizationId: owner.organizationId };
}

async function isMember({ id, organizationId }: Person): Promise<boolean> {
  const rows = await runSql(
    app,
    'SELECT FROM organization_members WHERE user_id = $1 AND organization_id = $2',
    [id, organizationId],
  );
  return rows.length === 1;
}

const remove = async (by: Pick<Person, 'token'>, { id }: Person): Promise<string> => {
  const answer = await callAs(app, by, ['DELETE', `/v1/members/${id}`]);
  return codeOf(answer) ?? String(answer.status);
};

describe('DELETE /v1/members/{id} of oneself', () => {
  it.each(['admin', 'developer', 'billing', 'auditor', 'viewer'])(
    'works as a session of somebody who is %s, and ends what the session may do there',
    async (role) => {
      const person = await member(role);
      expect(await remove(person, person)).toBe('200');
      expect(await isMember(person)).toBe(false);
      const after = await callAs(app, person, ['GET', '/v1/members']);
      expect(after.status).not.toBe(200);
    },
  );

  it('works as one of several owners, and not as the last', async () => {
    const second = await member('owner');
    expect(await remove(second, second)).toBe('200');
    expect(await remove(owner, owner)).toBe('conflict');
    expect(await isMember(owner)).toBe(true);
  });

  it('does not work with a key of one’s own, whose holder may be somebody else', async () => {
    const person = await member('developer');
    const made = await callAs(app, person, ['POST', '/v1/keys'], { body: { name: 'mine' } });
    expect(made.status).toBe(201);
    const { key } = made.body as { key: string };
    expect(await remove({ token: key }, person)).toBe('insufficient_scope');
    expect(await isMember(person)).toBe(true);
  });
});

describe('DELETE /v1/members/{id} of somebody else', () => {
  it('needs org:write', async () => {
    const [one, other] = [await member('developer'), await member('viewer')];
    expect(await remove(one, other)).toBe('insufficient_scope');
    expect(await isMember(other)).toBe(true);
    expect(await remove(owner, other)).toBe('200');
  });
});
