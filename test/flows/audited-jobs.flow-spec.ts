/** What jobs and time make of keys is written down as theirs, with what set it off: real workers, with the whole of the application. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

import { RotationWorld } from './rotation.harness.js';

type Entry = Record<string, unknown>;

const SET_UP = '2026-11-20T12:00:00Z';
/** When the schedules of these specs are due, and just after that. */
const DAILY = { enabled: true, schedule: '0 3 * * *', grace_period_hours: 8 } as const;
const TICK = '2026-11-21T03:00:00.000Z';
const UNCLAIMED_END = '2026-11-21T11:00:00.000Z';
const TIME_OUT_MS = 20_000;

let world: RotationWorld;
beforeAll(async () => {
  world = await RotationWorld.create(SET_UP);
  await world.start('worker');
});
afterAll(() => world.close());

async function entriesOf(keyId: string): Promise<Entry[]> {
  const { rows } = await world.sql.query<Entry>(
    `SELECT action, actor_type, actor_id, before, after, details, reason FROM audit_entries
      WHERE key_id = $1 AND actor_type = 'job' ORDER BY position`,
    [keyId],
  );
  return rows;
}

const byJob = (job: string, action: string, more: Entry = {}): Entry =>
  expect.objectContaining({ action, actor_type: 'job', actor_id: job, ...more }) as Entry;

/** What jobs are to have written of the key, once they have. */
async function expectOf(keyId: string, ...expected: Entry[]): Promise<void> {
  await vi.waitFor(async () => expect(await entriesOf(keyId)).toEqual(expected), TIME_OUT_MS);
}

async function newKey(columns: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { id } = await world.keyOn({ ...DAILY, enabled: false });
  for (const [name, value] of Object.entries({ updated_at: new Date(SET_UP), ...columns })) {
    await world.sql.query(`UPDATE api_keys SET ${name} = $2 WHERE id = $1`, [id, value]);
  }
  return id;
}

it('a schedule rotates, and lengthens what nobody claims, for whoever set it', async () => {
  world.setClock(SET_UP);
  const publisher = world.get(JobPublisher);
  const { id } = await world.keyOn(DAILY);
  world.setClock(TICK);
  await publisher.publish('rotation.rotate', { keyId: id });
  const rotated = byJob('rotation.rotate', 'key.rotated', {
    before: null,
    after: {
      secrets: [expect.objectContaining({ state: 'waiting' })],
      old_key_expires_at: UNCLAIMED_END,
    },
    details: { cause: world.master.keyId, scheduled_at: TICK },
  });
  await expectOf(id, rotated);
  const waiting = (await world.secretsOf(id)).find(({ is_waiting }) => is_waiting);
  world.setClock('2026-11-21T10:30:00Z');
  await publisher.publish('rotation.remind', { keyId: id });
  await expectOf(
    id,
    rotated,
    byJob('rotation.remind', 'key.cut_off_moved', {
      before: { old_key_expires_at: UNCLAIMED_END },
      after: { old_key_expires_at: expect.any(String) as string },
      details: { cause: waiting?.id },
    }),
  );
  await world.claim(id);
  const { rows } = await world.sql.query<Entry>(
    `SELECT action, details FROM audit_entries WHERE key_id = $1 ORDER BY position DESC LIMIT 1`,
    [id],
  );
  expect(rows).toEqual([
    {
      action: 'key.secret_claimed',
      details: { cause: world.master.keyId, secret_id: waiting?.id },
    },
  ]);
});

it('a schedule ends with its key', async () => {
  world.setClock(SET_UP);
  const { id } = await world.keyOn(DAILY);
  await world.sql.query('UPDATE api_keys SET revoked_at = $2 WHERE id = $1', [id, SET_UP]);
  world.setClock(TICK);
  await world.get(JobPublisher).publish('rotation.rotate', { keyId: id });
  await expectOf(
    id,
    byJob('rotation.rotate', 'key.rotation_ended', {
      before: { enabled: true, next_rotation_at: TICK },
      after: { enabled: false, next_rotation_at: null },
      details: { cause: id, key_status: 'revoked', set_by: world.master.keyId },
    }),
  );
});

it('the sweep is who writes down what time has done', async () => {
  world.setClock(SET_UP);
  const [at, before] = ['2026-11-20T13:00:00.000Z', new Date('2026-11-19T00:00:00Z')];
  const gone = newId('user');
  const made = { updated_at: before };
  const keys = {
    expired: await newKey({ expires_at: at }),
    enabled: await newKey({ ...made, disabled_at: before, enable_at: at }),
    revoked: await newKey({ ...made, revoked_at: at, revoked_reason: 'planned' }),
    ownerless: await newKey({ owner_id: gone }),
    waits: await newKey(),
  };
  const approval = newId('approval');
  await world.sql.query(
    `INSERT INTO approval_requests (id, organization_id, key_id, kind, change, fields, requested_by, status, created_at, expires_at)
     VALUES ($1, $2, $3, 'widen', '{"action":"enable"}', '{disabled}', $4, 'pending', $5, $6)`,
    [approval, world.master.organizationId, keys.waits, world.master.keyId, before, at],
  );
  world.setClock('2026-11-20T14:00:00Z');
  await world.get(JobPublisher).publish('key-lifecycle.sweep', { maxKeys: 2 });
  const bySweep = (action: string, more: Entry): Entry =>
    byJob('key-lifecycle.sweep', action, more);
  const expired = { after: { status: 'expired', expires_at: at } };
  await expectOf(keys.expired, bySweep('key.expired', expired));
  const enabled = { after: { status: 'active', auto_enable_at: at } };
  await expectOf(keys.enabled, bySweep('key.enabled', enabled));
  const revoked = { after: { status: 'revoked', revoked_at: at }, reason: 'planned' };
  await expectOf(keys.revoked, bySweep('key.revoked', revoked));
  const ownerless = { reason: expect.stringMatching(/owner/) as string, details: { cause: gone } };
  await expectOf(keys.ownerless, bySweep('key.revoked', ownerless));
  const lapsed = {
    before: { status: 'pending' },
    after: { status: 'expired' },
    details: {
      kind: 'widen',
      fields: ['disabled'],
      subject_type: 'key',
      subject_id: keys.waits,
      cause: world.master.keyId,
      expires_at: at,
    },
  };
  await expectOf(keys.waits, bySweep('approval.expired', lapsed));
});

it('a key that nobody uses is disabled by the job that found it', async () => {
  world.setClock(SET_UP);
  await world.sql.query(
    `UPDATE organizations SET unused_key_days = 30, unused_key_action = 'disable' WHERE id = $1`,
    [world.master.organizationId],
  );
  const id = await newKey({
    created_at: new Date('2026-09-01T00:00:00Z'),
    scopes: ['inference', 'models:read'],
  });
  await world.get(JobPublisher).publish('key-lifecycle.find-unused', { maxKeys: 500 });
  await expectOf(
    id,
    byJob('key-lifecycle.find-unused', 'key.disabled', {
      reason: 'Not used for 30 days.',
      details: { last_used_at: '2026-09-01T00:00:00.000Z', unused_key_days: 30 },
    }),
  );
});

it('what organizations and keys say of the time that entries are kept gets to the job that removes them', async () => {
  const id = await newKey({ policy: { security: { audit: { retention_days: 365 } } } });
  await world.get(JobPublisher).publish('audit-retention.remove', { maxEntries: 5_000 });
  await vi.waitFor(async () => {
    const { rows } = await world.sql.query(
      'SELECT key_id, days, shorter_days FROM audit_retentions ORDER BY key_id',
    );
    expect(rows).toEqual([
      // That of the organization is seen for the first time, so what it says counts in a week.
      { key_id: '', days: 3_650, shorter_days: 90 },
      { key_id: id, days: 365, shorter_days: null },
    ]);
  }, TIME_OUT_MS);
});
