import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Scope } from '#common/auth/scopes.js';
import { newId } from '#common/ids/prefixed-id.js';
import type { KeyView } from '#modules/keys/index.js';
import { Memberships } from '#modules/organizations/index.js';

import { ChangeKeyService } from '../../src/modules/keys/change-key.service.js';
import { memberView } from '../../src/modules/keys/domain/member-view.js';
import { IssueKeyService } from '../../src/modules/keys/issue-key.service.js';
import { RevokeKeyService } from '../../src/modules/keys/revoke-key.service.js';
import { ReadRotationService } from '../../src/modules/keys/rotation/schedules/read-rotation.service.js';
import { SetRotationService } from '../../src/modules/keys/rotation/schedules/set-rotation.service.js';
import { insertMember } from '../support/organizations.js';
import { startRedis, type TestRedis, WITHOUT_REDIS } from '../support/redis.js';
import { RotationWorld } from './rotation.harness.js';

const DAILY = { schedule: '0 3 * * *' };
const NOON = '2026-11-20T12:00:00.000Z';
const TICK = '2026-11-21T03:00:00.000Z';
const NEXT_TICK = '2026-11-22T03:00:00.000Z';

/** Who sets a schedule: a person in a session, with a key of their own, or a key that is nobody's. */
type Setter = { readonly view: KeyView; readonly userId: string };
type Rotated = { readonly id: string };

class Setters {
  constructor(readonly world: RotationWorld) {}

  get organizationId(): string {
    return this.world.master.organizationId;
  }

  async session(role: string): Promise<Setter> {
    const { organizationId } = this;
    const userId = await insertMember(this.world.database.url, organizationId, { role });
    const membership = await this.world.get(Memberships).find(organizationId, userId);
    const scopes = membership?.scopes ?? [];
    return {
      userId,
      view: memberView({ organizationId, userId, role, scopes, sessionId: 'sess_1' }),
    };
  }

  async ownKey(role: string): Promise<Setter> {
    const { userId, view } = await this.session(role);
    return { userId, view: await this.#keyOf(view) };
  }

  async nobodysKey(): Promise<Setter> {
    return { userId: '', view: await this.#keyOf(this.world.master) };
  }

  async #keyOf(maker: KeyView): Promise<KeyView> {
    const dto = { name: 'setter', environment: 'production', access_level: 'admin' } as const;
    const { secret } = await this.world.get(IssueKeyService).issue(maker, dto);
    return this.world.viewOf(secret.reveal());
  }

  /** A key that is nobody's own, with a schedule of this setter's. */
  async schedule({ view }: Setter): Promise<Rotated> {
    const { issued } = await this.world.get(IssueKeyService).issue(this.world.master, {
      name: 'rotated',
      environment: 'production',
    });
    await this.world.get(SetRotationService).set(view, issued.key.id, DAILY);
    return { id: issued.key.id };
  }

  async role(scopes: readonly Scope[]): Promise<string> {
    const id = newId('role');
    await this.world.sql.query(
      `INSERT INTO roles (id, organization_id, name, scopes, created_at, updated_at) VALUES ($1, $2, $1, $3, now(), now())`,
      [id, this.organizationId, scopes],
    );
    return id;
  }

  async give({ userId }: Setter, role: string): Promise<void> {
    await this.world.sql.query('UPDATE organization_members SET role = $2 WHERE user_id = $1', [
      userId,
      role,
    ]);
  }

  async run(text: string, id: string): Promise<void> {
    await this.world.sql.query(text, [id]);
  }
}

const LEADS: readonly Scope[] = [
  'inference',
  'models:read',
  'keys:read',
  'keys:write',
  'org:write',
];

type Case = {
  readonly what: string;
  readonly setter: (setters: Setters) => Promise<Setter>;
  readonly happens: (setters: Setters, setter: Setter) => Promise<void>;
};

const SKIPPED: readonly Case[] = [
  {
    what: 'an admin is made a viewer',
    setter: (setters) => setters.session('admin'),
    happens: (setters, setter) => setters.give(setter, 'viewer'),
  },
  {
    what: 'an admin is made a developer, who does not reach the key',
    setter: (setters) => setters.session('admin'),
    happens: (setters, setter) => setters.give(setter, 'developer'),
  },
  {
    what: 'an admin who set it with a key of their own is made a viewer',
    setter: (setters) => setters.ownKey('admin'),
    happens: (setters, setter) => setters.give(setter, 'viewer'),
  },
  {
    what: 'an admin is removed',
    setter: (setters) => setters.session('admin'),
    happens: (setters, { userId }) =>
      setters.run('DELETE FROM organization_members WHERE user_id = $1', userId),
  },
  {
    what: 'an admin who set it with a key of their own is removed',
    setter: (setters) => setters.ownKey('admin'),
    happens: (setters, { userId }) =>
      setters.run('DELETE FROM organization_members WHERE user_id = $1', userId),
  },
  {
    what: 'an admin is suspended',
    setter: (setters) => setters.session('admin'),
    happens: (setters, { userId }) =>
      setters.run(`UPDATE users SET status = 'suspended' WHERE id = $1`, userId),
  },
  {
    what: 'the role of its own of who set it loses keys:write',
    setter: async (setters) => setters.session(await setters.role(LEADS)),
    happens: (setters, { view }) =>
      setters.run(
        `UPDATE roles SET scopes = array_remove(scopes, 'keys:write') WHERE id = $1`,
        view.role ?? '',
      ),
  },
  {
    what: 'the key that set it loses keys:write',
    setter: (setters) => setters.nobodysKey(),
    happens: async ({ world }, { view }) => {
      const dto = { scopes: ['inference', 'models:read', 'keys:read'] as Scope[] };
      await world.get(ChangeKeyService).update(world.master, view.keyId, dto, null);
    },
  },
];

const ROTATED: readonly Case[] = [
  {
    what: 'nothing happens to an admin',
    setter: (setters) => setters.session('admin'),
    happens: () => Promise.resolve(),
  },
  {
    what: 'an owner is made an admin',
    setter: (setters) => setters.session('owner'),
    happens: (setters, setter) => setters.give(setter, 'admin'),
  },
  {
    what: 'the key that set it, which was nobody’s own, is revoked',
    setter: (setters) => setters.nobodysKey(),
    happens: async ({ world }, { view }) => {
      await world.get(RevokeKeyService).revoke(world.master, view.keyId, {});
    },
  },
];

describe.each([
  { name: 'PostgreSQL', needsRedis: false, missing: null },
  { name: 'Redis', needsRedis: true, missing: WITHOUT_REDIS },
])('A rotation that waits in the queue on $name', ({ needsRedis, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? 'runs' : `skipped: ${missing}`, () => {
    let redis: TestRedis | null = null;
    let world: RotationWorld;
    let setters: Setters;
    beforeAll(async () => {
      if (needsRedis) redis = await startRedis();
      world = await RotationWorld.create(NOON, redis?.url ?? null);
      setters = new Setters(world);
    });
    afterAll(async () => {
      await world.close();
      await redis?.stop();
    });

    const blockOf = async (id: string): Promise<string | null> =>
      (await world.get(ReadRotationService).get(world.master, id)).blocked_by;

    /** The jobs are in the queue, then it happens, and only then a worker comes. */
    it('with the rights that who set its schedule has by then', async () => {
      const all = [...SKIPPED, ...ROTATED];
      const made: { case: Case; setter: Setter; key: Rotated }[] = [];
      for (const one of all) {
        const setter = await one.setter(setters);
        made.push({ case: one, setter, key: await setters.schedule(setter) });
      }
      world.setClock(TICK);
      await world.sweep();
      for (const { case: one, setter } of made) await one.happens(setters, setter);
      await world.start('worker');
      const nexts = (): Promise<(string | undefined)[]> =>
        Promise.all(made.map(({ key }) => world.nextAt(key.id)));
      await vi.waitFor(async () => expect(await nexts()).toEqual(made.map(() => NEXT_TICK)), {
        timeout: 20_000,
        interval: 50,
      });
      for (const { case: one, key } of made) {
        const isSkipped = SKIPPED.includes(one);
        const told = (await world.toldOf(key.id))
          .filter(({ type }) => type !== 'key.rotation_due')
          .map(({ type, data }) => [type, data.reason]);
        expect([one.what, told, (await world.secretsOf(key.id)).length]).toEqual([
          one.what,
          [
            isSkipped
              ? ['key.rotation_skipped', 'setter_not_allowed']
              : ['key.rotated', 'scheduled'],
          ],
          isSkipped ? 1 : 2,
        ]);
        expect(await blockOf(key.id)).toBe(isSkipped ? 'setter_not_allowed' : 'secret_unclaimed');
      }
    }, 60_000);
  });
});

describe('A schedule whose setter may not rotate the key any more', () => {
  let world: RotationWorld;
  let setters: Setters;
  beforeAll(async () => {
    world = await RotationWorld.create(NOON);
    setters = new Setters(world);
  });
  afterAll(() => world.close());

  const typesOf = async (id: string): Promise<string[]> =>
    (await world.toldOf(id)).map(({ type }) => type);

  it('goes on as soon as they may again', async () => {
    const setter = await setters.session('admin');
    const { id } = await setters.schedule(setter);
    await setters.give(setter, 'viewer');
    world.setClock(TICK);
    await world.rotate(id);
    await setters.give(setter, 'admin');
    world.setClock(NEXT_TICK);
    await world.rotate(id);
    expect(await typesOf(id)).toEqual(['key.rotation_skipped', 'key.rotated']);
  });

  it('goes on for somebody else who sets the same again', async () => {
    world.setClock(NOON);
    const setter = await setters.session('admin');
    const { id } = await setters.schedule(setter);
    await setters.give(setter, 'viewer');
    await world.get(SetRotationService).set(world.master, id, DAILY);
    const shown = await world.get(ReadRotationService).get(world.master, id);
    expect(shown).toMatchObject({ set_by: world.master.keyId, blocked_by: null });
    world.setClock(TICK);
    await world.rotate(id);
    expect(await typesOf(id)).toEqual(['key.rotated']);
  });

  it('is skipped too where the key may do more by now than they', async () => {
    world.setClock(NOON);
    const setter = await setters.session(await setters.role(LEADS));
    const { id } = await setters.schedule(setter);
    const dto = { access_level: 'admin' } as const;
    await world.get(ChangeKeyService).update(world.master, id, dto, null);
    world.setClock(TICK);
    await world.rotate(id);
    expect(await typesOf(id)).toEqual(['key.rotation_skipped']);
  });
});
