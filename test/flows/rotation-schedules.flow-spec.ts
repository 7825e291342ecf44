import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { checkState } from '#modules/keys/index.js';
import { Notifier } from '#modules/notifications/index.js';

import { OrganizationSettingsService } from '../../src/modules/organizations/organization-settings.service.js';
import { ChangeKeyService } from '../../src/modules/keys/change-key.service.js';
import { RevokeKeyService } from '../../src/modules/keys/revoke-key.service.js';
import { KeySecretRepository } from '../../src/modules/keys/rotation/key-secret.repository.js';
import { KeyRotationRepository } from '../../src/modules/keys/rotation/schedules/key-rotation.repository.js';
import { SetRotationService } from '../../src/modules/keys/rotation/schedules/set-rotation.service.js';
import { startRedis, type TestRedis, WITHOUT_REDIS } from '../support/redis.js';
import { RotationWorld } from './rotation.harness.js';

const DAILY = { schedule: '0 3 * * *' };
const NOON = '2026-11-20T12:00:00.000Z';
const TICK = '2026-11-21T03:00:00.000Z';
const A_DAY_LATER = '2026-11-22T03:00:00.000Z';

let world: RotationWorld;
beforeAll(async () => {
  world = await RotationWorld.create(NOON);
});
afterEach(() => {
  vi.restoreAllMocks();
  world.setClock(NOON);
});
afterAll(() => world.close());

const typesOf = async (keyId: string): Promise<string[]> =>
  (await world.toldOf(keyId)).map(({ type }) => type);
/** As the access guard sees it now. */
const isGood = async (secret: string): Promise<boolean> =>
  checkState(await world.viewOf(secret), {
    now: world.clock.time,
    neededScopes: 0,
    isReadOnlyRoute: false,
  }).allowed;

describe('a rotation on a schedule', () => {
  it('comes at its time: a new secret waits, and the old one ends with the grace period', async () => {
    const { id, secret } = await world.keyOn({ ...DAILY, grace_period_hours: 2 });
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(1);
    world.setClock(TICK);
    await world.rotate(id);
    expect(await world.secretsOf(id)).toMatchObject([
      { is_waiting: false, expires_at: new Date('2026-11-21T05:00:00Z') },
      { is_waiting: true, expires_at: null },
    ]);
    expect(await world.nextAt(id)).toBe(A_DAY_LATER);
    expect(await world.toldOf(id)).toMatchObject([
      {
        type: 'key.rotated',
        data: {
          key_id: id,
          reason: 'scheduled',
          old_key_expires_at: '2026-11-21T05:00:00.000Z',
          claim_before: '2026-11-21T05:00:00.000Z',
        },
      },
    ]);
    world.setClock('2026-11-21T04:59:59.999Z');
    expect(await isGood(secret)).toBe(true);
    world.setClock('2026-11-21T05:00:00.000Z');
    expect(await isGood(secret)).toBe(false);
  });

  it('comes once for all the times that were missed', async () => {
    const { id } = await world.keyOn(DAILY);
    world.setClock('2026-11-24T17:30:00Z');
    await world.rotate(id);
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(2);
    expect(await world.nextAt(id)).toBe('2026-11-25T03:00:00.000Z');
  });

  it.each([
    [
      'forward past it',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ],
    [
      'back over it',
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ],
  ])('comes once where the clock is set %s', async (_, before, tick, next) => {
    world.setClock(before);
    const { id } = await world.keyOn({ schedule: '30 2 * * *', time_zone: 'Europe/Berlin' });
    expect(await world.nextAt(id)).toBe(tick);
    for (let hours = 0; hours < 24; hours++) {
      world.clock.time = Date.parse(tick) - 12 * 3_600_000 + hours * 3_600_000;
      await world.rotate(id);
    }
    expect(await world.secretsOf(id)).toHaveLength(2);
    expect(await world.nextAt(id)).toBe(next);
  });

  it('ends no secret after the key’s own end, and leaves an earlier end as it is', async () => {
    const expires_at = new Date('2026-11-21T10:00:00Z');
    const { id } = await world.keyOn(DAILY, { expires_at });
    world.setClock(TICK);
    await world.rotate(id);
    expect(await world.secretsOf(id)).toMatchObject([{ expires_at }, { expires_at: null }]);
  });

  it('ends the old secret at once where it is immediate', async () => {
    const { id, secret } = await world.keyOn({ ...DAILY, strategy: 'immediate' });
    expect(await isGood(secret)).toBe(true);
    world.setClock(TICK);
    await world.rotate(id);
    expect(await isGood(secret)).toBe(false);
    expect(await world.toldOf(id)).toMatchObject([{ data: { claim_before: null } }]);
  });

  it('is skipped, with an alert, while the last secret is unclaimed, and comes again after that', async () => {
    const { id } = await world.keyOn({ ...DAILY, grace_period_hours: 720 });
    world.setClock(TICK);
    await world.rotate(id);
    world.setClock(A_DAY_LATER);
    await world.rotate(id);
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(2);
    expect(await world.toldOf(id)).toMatchObject([
      { type: 'key.rotated' },
      {
        type: 'key.rotation_skipped',
        data: { reason: 'secret_unclaimed', scheduled_at: A_DAY_LATER },
      },
    ]);
    await world.claim(id);
    world.setClock('2026-11-23T03:00:00Z');
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(3);
  });

  it('is skipped, with an alert, while three secrets are good', async () => {
    const { id } = await world.keyOn({ ...DAILY, grace_period_hours: 720 });
    for (const day of ['21', '22']) {
      world.setClock(`2026-11-${day}T03:00:00Z`);
      await world.rotate(id);
      await world.claim(id);
    }
    world.setClock('2026-11-23T03:00:00Z');
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(3);
    expect((await world.toldOf(id)).at(-1)).toMatchObject({
      type: 'key.rotation_skipped',
      data: { reason: 'too_many_secrets' },
    });
  });

  it('is skipped, with an alert, while the key is disabled', async () => {
    const { id } = await world.keyOn(DAILY);
    await world.get(ChangeKeyService).disable(world.master, id, {});
    world.setClock(TICK);
    await world.rotate(id);
    expect(await world.secretsOf(id)).toHaveLength(1);
    expect(await world.toldOf(id)).toMatchObject([{ data: { reason: 'key_disabled' } }]);
    expect(await world.nextAt(id)).toBe(A_DAY_LATER);
  });

  it('ends with the key', async () => {
    const revoked = await world.keyOn(DAILY);
    await world.get(RevokeKeyService).revoke(world.master, revoked.id, {});
    const expires_at = new Date('2026-11-21T00:00:00Z');
    const expired = await world.keyOn(DAILY, { expires_at });
    world.setClock(TICK);
    for (const { id } of [revoked, expired]) {
      await world.rotate(id);
      expect(await world.secretsOf(id)).toHaveLength(1);
      expect(await typesOf(id)).toEqual([]);
      expect(await world.nextAt(id)).toBeUndefined();
    }
  });

  it('is off while it is not enabled, and after it was ended', async () => {
    const off = await world.keyOn({ ...DAILY, enabled: false });
    const ended = await world.keyOn(DAILY);
    await world.get(SetRotationService).end(world.master, ended.id);
    world.setClock(TICK);
    for (const { id } of [off, ended]) {
      await world.rotate(id);
      expect(await world.secretsOf(id)).toHaveLength(1);
    }
  });

  it('is announced a day before, once', async () => {
    const { id } = await world.keyOn({ schedule: '0 3 25 * *' });
    world.setClock('2026-11-24T02:59:59Z');
    await world.remind(id);
    expect(await typesOf(id)).toEqual([]);
    world.setClock('2026-11-24T03:00:00Z');
    await world.remind(id);
    await world.remind(id);
    expect(await world.toldOf(id)).toMatchObject([
      { type: 'key.rotation_due', data: { key_id: id, rotates_at: '2026-11-25T03:00:00.000Z' } },
    ]);
  });
});

describe('a worker that dies at any step of a rotation', () => {
  const steps: readonly (readonly [string, () => object, string])[] = [
    ['before the old secrets get an end', () => world.get(KeySecretRepository), 'retire'],
    ['before the new secret is stored', () => world.get(KeySecretRepository), 'insert'],
    ['before it is told', () => world.get(Notifier), 'notify'],
    ['before the next time is set', () => world.get(KeyRotationRepository), 'update'],
  ];
  it.each(steps)(
    'leaves nothing behind, and it is done once the next time: %s',
    async (_, of, name) => {
      const { id, secret } = await world.keyOn(DAILY);
      world.setClock(TICK);
      const before = [await world.secretsOf(id), await world.toldOf(id), await world.nextAt(id)];
      const dying = vi.spyOn(of() as Record<string, () => Promise<void>>, name);
      dying.mockRejectedValueOnce(new Error('killed'));
      await expect(world.rotate(id)).rejects.toThrow('killed');
      expect([await world.secretsOf(id), await world.toldOf(id), await world.nextAt(id)]).toEqual(
        before,
      );
      await world.rotate(id);
      await world.rotate(id);
      expect(await world.secretsOf(id)).toMatchObject([
        { is_waiting: false },
        { is_waiting: true },
      ]);
      expect(await typesOf(id)).toEqual(['key.rotated']);
      expect(await isGood(secret)).toBe(true);
      expect(await isGood(await world.claim(id))).toBe(true);
    },
  );

  it('leaves everything where it dies after the commit, and the next one tells the others', async () => {
    const { id, secret } = await world.keyOn({ ...DAILY, strategy: 'immediate' });
    const other = await world.start('api');
    world.setClock(TICK);
    expect(await isGood(secret)).toBe(true);
    await world.sql.query(`UPDATE api_key_secrets SET expires_at = $2 WHERE key_id = $1`, [
      id,
      new Date(TICK),
    ]);
    await world.sql.query(`UPDATE key_rotations SET next_at = $2 WHERE key_id = $1`, [
      id,
      new Date(A_DAY_LATER),
    ]);
    expect(await isGood(secret)).toBe(true);
    const { RotateOnScheduleService } =
      await import('../../src/modules/keys/rotation/schedules/rotate-on-schedule.service.js');
    await world.get(RotateOnScheduleService, other).rotate(id);
    await vi.waitFor(async () => expect(await isGood(secret)).toBe(false), 5_000);
    expect(await typesOf(id)).toEqual([]);
  });
});

describe('a secret that nobody claims', () => {
  const GRACE = { ...DAILY, grace_period_hours: 8 };
  /** 03:00 to 11:00. */
  const END = '2026-11-21T11:00:00.000Z';
  const policy = (unclaimed_secrets: 'extend' | 'lapse'): Promise<unknown> => {
    const { master } = world;
    return world
      .get(OrganizationSettingsService)
      .update(master, master.organizationId, { unclaimed_secrets });
  };
  afterEach(() => policy('extend'));

  async function rotated(
    rotation = GRACE,
    expires_at?: Date,
  ): Promise<{ id: string; secret: string }> {
    const key = await world.keyOn(rotation, expires_at ? { expires_at } : {});
    world.setClock(TICK);
    await world.rotate(key.id);
    return key;
  }
  /** What was told at these times, without what was told before. */
  async function toldAt(id: string, ...times: string[]): Promise<unknown[]> {
    const before = (await world.toldOf(id)).length;
    for (const time of times) {
      world.setClock(time);
      await world.remind(id);
      await world.remind(id);
    }
    return (await world.toldOf(id))
      .slice(before)
      .filter(({ type }) => type === 'key.secret_unclaimed')
      .map(({ data }) => [data.state, data.old_key_expires_at]);
  }
  const endOf = async (id: string): Promise<string | undefined> =>
    (await world.secretsOf(id))[0]?.expires_at?.toISOString();

  it('is told of at half of the grace period and an hour before its end', async () => {
    const { id } = await rotated();
    expect(await toldAt(id, '2026-11-21T06:59:59Z')).toEqual([]);
    expect(await toldAt(id, '2026-11-21T07:00:00Z', '2026-11-21T09:59:59Z')).toEqual([
      ['waiting', END],
    ]);
    expect(await toldAt(id, '2026-11-21T10:00:00Z', '2026-11-21T10:29:59Z')).toEqual([
      ['waiting', END],
    ]);
  });

  it('is told of once by a worker that comes late', async () => {
    const { id } = await rotated();
    expect(await toldAt(id, '2026-11-21T10:10:00Z')).toEqual([['waiting', END]]);
  });

  it('moves the end of the old one on by a day, with an alert each time, and never past the key’s', async () => {
    const expires_at = new Date('2026-11-23T05:00:00.000Z');
    const { id, secret } = await rotated(GRACE, expires_at);
    expect(await toldAt(id, '2026-11-21T10:30:00Z')).toEqual([
      ['extended', '2026-11-22T11:00:00.000Z'],
    ]);
    world.setClock(END);
    expect(await isGood(secret)).toBe(true);
    expect(await toldAt(id, '2026-11-22T10:30:00Z')).toEqual([
      ['extended', expires_at.toISOString()],
    ]);
    expect(await toldAt(id, '2026-11-23T04:30:00Z')).toEqual([
      ['lapsing', expires_at.toISOString()],
    ]);
    expect(await endOf(id)).toBe(expires_at.toISOString());
    expect(await toldAt(id, '2026-11-23T04:59:00Z')).toEqual([]);
  });

  it('lets the old one lapse where the organization wants it, and can be claimed after that', async () => {
    await policy('lapse');
    const { id, secret } = await rotated();
    expect(await toldAt(id, '2026-11-21T10:30:00Z', '2026-11-21T10:59:00Z')).toEqual([
      ['lapsing', END],
    ]);
    world.setClock(END);
    expect(await isGood(secret)).toBe(false);
    expect(await isGood(await world.claim(id))).toBe(true);
  });

  it('leaves the old one to the clock while no worker runs, and says so when one does', async () => {
    const { id, secret } = await rotated();
    world.setClock(END);
    expect(await isGood(secret)).toBe(false);
    expect(await toldAt(id, '2026-11-21T12:00:00Z')).toEqual([['lapsed', null]]);
    expect(await isGood(secret)).toBe(false);
    expect(await toldAt(id, '2026-11-21T13:00:00Z')).toEqual([]);
  });

  it('is not told of any more once it is claimed, and the old one ends', async () => {
    const { id, secret } = await rotated({ ...GRACE, ...{ auto_update_apps: true } });
    const claimed = await world.claimOwn(secret);
    expect(await toldAt(id, '2026-11-21T10:30:00Z')).toEqual([]);
    world.setClock(END);
    expect([await isGood(secret), await isGood(claimed)]).toEqual([false, true]);
    await expect(world.claimOwn(claimed)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is still seen to after its schedule was ended', async () => {
    const { id, secret } = await rotated({ ...GRACE, ...{ auto_update_apps: true } });
    await world.get(SetRotationService).end(world.master, id);
    expect(await toldAt(id, '2026-11-21T10:30:00Z')).toEqual([
      ['extended', '2026-11-22T11:00:00.000Z'],
    ]);
    expect(await isGood(await world.claimOwn(secret))).toBe(true);
  });

  it('has an end that is decided on in time, however short the grace period is', async () => {
    const { id } = await rotated({ ...DAILY, grace_period_hours: 0.1 });
    expect(await toldAt(id, '2026-11-21T03:04:30Z')).toEqual([
      ['extended', '2026-11-22T03:06:00.000Z'],
    ]);
  });

  it('is found in time where the end of the old one was set earlier', async () => {
    const { id } = await rotated();
    await world.sql.query(
      `UPDATE api_key_secrets SET expires_at = '2026-11-21T05:00:00Z' WHERE key_id = $1 AND sealed IS NULL`,
      [id],
    );
    world.setClock('2026-11-21T03:30:00Z');
    const due = world.get(KeyRotationRepository);
    const now = new Date(world.clock.time);
    expect(await due.listToRemindAcrossTenants({ now, soon: now }, '', 1_000)).toContain(id);
    await world.remind(id);
    expect(await due.listToRemindAcrossTenants({ now, soon: now }, '', 1_000)).not.toContain(id);
    expect(await toldAt(id, '2026-11-21T04:30:00Z')).toEqual([
      ['extended', '2026-11-22T05:00:00.000Z'],
    ]);
  });
});

describe.each([
  { name: 'PostgreSQL', needsRedis: false, missing: null },
  { name: 'Redis', needsRedis: true, missing: WITHOUT_REDIS },
])('two workers with their queue on $name', ({ needsRedis, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? 'share' : `skipped: ${missing}`, () => {
    let redis: TestRedis | null = null;
    let shared: RotationWorld;
    beforeAll(async () => {
      if (needsRedis) redis = await startRedis();
      shared = await RotationWorld.create(NOON, redis?.url ?? null);
    });
    afterAll(async () => {
      await shared.close();
      await redis?.stop();
    });

    it('each key’s time, and each rotates once, though all of them look', async () => {
      const keys = await Promise.all(
        Array.from({ length: 7 }, () => shared.keyOn({ ...DAILY, grace_period_hours: 8 })),
      );
      shared.setClock(TICK);
      const workers = [await shared.start('worker'), await shared.start('worker')];
      await Promise.all(workers.flatMap((one) => [shared.sweep(one), shared.sweep(one)]));
      const counts = async (): Promise<number[]> =>
        Promise.all(keys.map(async ({ id }) => (await shared.secretsOf(id)).length));
      await vi.waitFor(async () => expect(await counts()).toEqual(keys.map(() => 2)), 20_000);
      await Promise.all([
        ...workers.map((one) => shared.sweep(one)),
        ...keys.map(({ id }) => shared.rotate(id)),
      ]);
      expect(await counts()).toEqual(keys.map(() => 2));
      for (const { id } of keys) {
        const rotated = (await shared.toldOf(id)).filter(({ type }) => type === 'key.rotated');
        expect(rotated).toHaveLength(1);
      }
      shared.setClock('2026-11-21T10:30:00Z');
      await shared.sweep(workers[0]);
      await vi.waitFor(async () => {
        for (const { id } of keys) {
          const told = await shared.toldOf(id);
          expect(told.filter(({ data }) => data.state === 'extended')).toHaveLength(1);
        }
      }, 20_000);
    });
  });
});
