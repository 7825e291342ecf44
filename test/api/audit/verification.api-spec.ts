import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { queryDatabase } from '../../support/postgres.js';

const OF_INSTALLATION = '?organization_id=installation';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

type Checkpoint = { readonly size: number; readonly note: string };
type Entry = { readonly id: string; readonly organization_id: string; readonly action: string };

async function newCheckpoint(query = ''): Promise<Checkpoint> {
  const { body } = await app.call('POST', `/v1/audit/checkpoints${query}`);
  return (body as { checkpoint: Checkpoint }).checkpoint;
}

function verifyAgainst(checkpoints: string, query = ''): Promise<Answer> {
  return app.call('POST', `/v1/audit/verify${query}`, { body: { checkpoints } });
}

describe('POST /v1/audit/verify', () => {
  it('takes more checkpoints than a query could hold', async () => {
    const { note, size } = await newCheckpoint();
    const many = `${note}\n`.repeat(200);
    expect(many.length).toBeGreaterThan(16_384);
    const { status, body } = await verifyAgainst(many);
    expect(status).toBe(200);
    expect(body).toMatchObject({ valid: true, first_invalid: null, checkpoint: { size } });
  });

  it('finds by one of them that the end was cut off together with its checkpoints', async () => {
    await app.keyWith();
    const { note, size } = await newCheckpoint();
    const { body: self } = await app.call('GET', '/v1/key');
    const { organization_id: id } = self as { organization_id: string };
    const cut = async (): Promise<void> => {
      for (const [table, column] of [
        ['audit_entries', 'sequence'],
        ['audit_checkpoints', 'size'],
      ]) {
        await queryDatabase(
          app.databaseUrl,
          `DELETE FROM ${table} WHERE organization_id = $1 AND ${column} >= $2`,
          [id, size],
        );
      }
    };
    await cut();
    expect((await app.call('GET', '/v1/audit/verify')).body).toMatchObject({ valid: true });
    expect((await verifyAgainst(note)).body).toMatchObject({
      valid: false,
      first_invalid: { sequence: size, id: null, reason: 'missing' },
    });
  });

  it.each([
    ['none', {}],
    ['an empty one', { checkpoints: '' }],
    ['what is none', { checkpoints: 'hello' }],
    ['too many', { checkpoints: 'x'.repeat(262_145) }],
  ])('refuses %s', async (_, body) => {
    const answer = await app.call('POST', '/v1/audit/verify', { body });
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe('invalid_request');
  });

  it('refuses those of another log', async () => {
    await app.call('GET', '/v1/keys', { key: app.masterKey.replace(/.{6}$/, 'AAAAAA') });
    await expect.poll(entriesOfInstallation, { timeout: 10_000 }).not.toEqual([]);
    const { note } = await newCheckpoint(OF_INSTALLATION);
    expect((await verifyAgainst(note)).status).toBe(400);
    expect((await verifyAgainst(note, OF_INSTALLATION)).body).toMatchObject({ valid: true });
  });
});

async function entriesOfInstallation(): Promise<Entry[]> {
  const { status, body } = await app.call('GET', `/v1/audit${OF_INSTALLATION}&limit=200`);
  expect(status).toBe(200);
  return (body as { data: Entry[] }).data;
}

describe('the log of the installation', () => {
  beforeAll(async () => {
    await app.call('GET', '/v1/keys', { key: app.masterKey.replace(/.{6}$/, 'BBBBBB') });
    await vi.waitFor(async () => expect(await entriesOfInstallation()).not.toEqual([]), 10_000);
  });

  it('is read, sealed and verified by a master key', async () => {
    const [entry] = await entriesOfInstallation();
    expect(entry).toMatchObject({
      organization_id: 'installation',
      action: 'authentication.failed',
    });
    const one = await app.call('GET', `/v1/audit/${entry?.id}${OF_INSTALLATION}`);
    expect(one.body).toMatchObject({ id: entry?.id });
    const { size } = await newCheckpoint(OF_INSTALLATION);
    const listed = await app.call('GET', `/v1/audit/checkpoints${OF_INSTALLATION}`);
    expect(listed.body).toMatchObject({ data: [{ size }] });
    const verified = await app.call('GET', `/v1/audit/verify${OF_INSTALLATION}`);
    expect(verified.body).toMatchObject({ valid: true, checkpoint: { size } });
  });

  it('has nothing of an organization, and an organization has nothing of it', async () => {
    const [entry] = await entriesOfInstallation();
    expect((await app.call('GET', `/v1/audit/${entry?.id}`)).status).toBe(404);
    const { body } = await app.call('GET', '/v1/audit?action=key.*');
    const [own] = (body as { data: Entry[] }).data;
    const asked = await app.call('GET', `/v1/audit/${own?.id}${OF_INSTALLATION}`);
    expect(asked.status).toBe(404);
    const all = await entriesOfInstallation();
    expect(new Set(all.map(({ organization_id: id }) => id))).toEqual(new Set(['installation']));
  });

  it.each([
    ['GET', '/v1/audit'],
    ['GET', '/v1/audit/aud_x'],
    ['GET', '/v1/audit/verify'],
    ['POST', '/v1/audit/verify'],
    ['GET', '/v1/audit/checkpoints'],
    ['POST', '/v1/audit/checkpoints'],
  ])('is not an administrator’s: %s %s', async (method, path) => {
    const key = await app.keyWith({ access_level: 'admin' });
    const body = path.endsWith('verify') && method === 'POST' ? { checkpoints: 'x' } : undefined;
    const answer = await app.call(method, path + OF_INSTALLATION, { key, body });
    expect(answer.status).toBe(403);
    expect(codeOf(answer)).toBe('operation_not_allowed');
  });

  it('is the only other log that there is', async () => {
    const answer = await app.call('GET', '/v1/audit?organization_id=org_x');
    expect(codeOf(answer)).toBe('invalid_request');
  });
});
