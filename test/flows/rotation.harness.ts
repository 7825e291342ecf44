import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import {
  BootstrapMasterKey,
  KeyDirectory,
  type KeyView,
  PresentedKey,
} from '#modules/keys/index.js';
import { Actors } from '#platform/audit-trail/actor.js';
import { loadEnv } from '#platform/config/env.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { createLogger } from '#platform/observability/logger.js';

import { AppModule } from '../../src/app.module.js';
import { IssueKeyService } from '../../src/modules/keys/issue-key.service.js';
import { ClaimSecretService } from '../../src/modules/keys/rotation/claims/claim-secret.service.js';
import { RemindOfRotationService } from '../../src/modules/keys/rotation/claims/remind-of-rotation.service.js';
import type { SetRotationDto } from '../../src/modules/keys/rotation/schedules/dto/set-rotation.dto.js';
import { RotateOnScheduleService } from '../../src/modules/keys/rotation/schedules/rotate-on-schedule.service.js';
import { SweepRotationsProcessor } from '../../src/modules/keys/rotation/schedules/rotation.processors.js';
import { SetRotationService } from '../../src/modules/keys/rotation/schedules/set-rotation.service.js';
import { ActingSpec } from '../support/acting.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { SetClock } from './limits.harness.js';

type Class<T> = abstract new (...dependencies: never[]) => T;
type Role = 'all' | 'api' | 'worker';

export type SecretRow = {
  readonly id: string;
  readonly last_four: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly is_waiting: boolean;
  readonly claimed_at: Date | null;
};
export type Told = { readonly type: string; readonly data: Record<string, unknown> };

/** The whole application on a database of its own and with a clock that stands until it is set; no worker runs by itself. */
export class RotationWorld {
  readonly #started: INestApplicationContext[] = [];
  #app!: INestApplicationContext;
  master!: KeyView;
  readonly sql: pg.Pool;

  readonly #folder: string;
  readonly #redisUrl: string | null;
  readonly #rootKey = new RootKey(new Secret(randomBytes(32)));

  private constructor(
    readonly clock: SetClock,
    readonly database: TestDatabase,
    settings: { readonly folder: string; readonly redisUrl: string | null },
  ) {
    this.sql = new pg.Pool({ connectionString: database.url });
    this.#folder = settings.folder;
    this.#redisUrl = settings.redisUrl;
  }

  static async create(now: string, redisUrl: string | null = null): Promise<RotationWorld> {
    const database = await createTestDatabase();
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-rotation-'));
    const clock = new SetClock(Date.parse(now));
    const world = new RotationWorld(clock, database, { folder, redisUrl });
    world.#app = await world.start('api');
    const { generated } = await world.get(BootstrapMasterKey).ensure();
    world.master = await world.viewOf(generated?.reveal() ?? '');
    return world;
  }

  /** Another process on the same database; a worker works on the queues. */
  async start(role: Role): Promise<INestApplicationContext> {
    const config = {
      ...loadEnv({ LATCHKEY_DATA_DIR: join(this.#folder, String(this.#started.length)) }),
      role,
      redisUrl: this.#redisUrl === null ? null : new Secret(this.#redisUrl),
    };
    const foundations = {
      config,
      logger: createLogger('fatal', { write: () => undefined }),
      databaseUrl: new Secret(this.database.url),
      rootKey: this.#rootKey,
    };
    const module = await Test.createTestingModule({ imports: [AppModule.forRoot(foundations)] })
      .overrideProvider(Clock)
      .useValue(this.clock)
      .overrideProvider(Actors)
      .useClass(ActingSpec)
      .compile();
    const app = await module.init();
    this.#started.push(app);
    return app;
  }

  get<T>(wanted: Class<T>, app = this.#app): T {
    return app.get<T>(wanted, { strict: false });
  }

  async viewOf(key: string): Promise<KeyView> {
    const view = await this.get(KeyDirectory).find(new PresentedKey(key));
    if (!view) throw new Error('There is no such key.');
    return view;
  }

  /** A new key with this schedule. */
  async keyOn(
    rotation: SetRotationDto,
    fields: { expires_at?: Date } = {},
  ): Promise<{ id: string; secret: string }> {
    const { issued, secret } = await this.get(IssueKeyService).issue(this.master, {
      name: 'rotated',
      environment: 'production',
      ...fields,
    });
    await this.get(SetRotationService).set(this.master, issued.key.id, rotation);
    return { id: issued.key.id, secret: secret.reveal() };
  }

  rotate(keyId: string): Promise<void> {
    return this.get(RotateOnScheduleService).rotate(keyId);
  }

  remind(keyId: string): Promise<void> {
    return this.get(RemindOfRotationService).remind(keyId);
  }

  sweep(app = this.#app): Promise<void> {
    return this.get(SweepRotationsProcessor, app).process(
      { maxKeys: 2 },
      new AbortController().signal,
    );
  }

  async claim(keyId: string): Promise<string> {
    return (await this.get(ClaimSecretService).claim(this.master, keyId)).secret.reveal();
  }

  /** What a holder of the old secret gets. */
  async claimOwn(secret: string): Promise<string> {
    const view = await this.viewOf(secret);
    return (await this.get(ClaimSecretService).claimOwn(view)).secret.reveal();
  }

  setClock(now: string): void {
    this.clock.time = Date.parse(now);
  }

  /** The oldest first. */
  async secretsOf(keyId: string): Promise<SecretRow[]> {
    const { rows } = await this.sql.query<SecretRow>(
      `SELECT id, last_four, created_at, expires_at, sealed IS NOT NULL AS is_waiting, claimed_at
         FROM api_key_secrets WHERE key_id = $1 ORDER BY created_at`,
      [keyId],
    );
    return rows;
  }

  /** In the order in which it was told. */
  async toldOf(keyId: string): Promise<Told[]> {
    const { rows } = await this.sql.query<Told>(
      `SELECT type, data FROM notifications
        WHERE key_id = $1 AND type NOT IN ('key.created', 'key.disabled', 'key.enabled', 'key.revoked')
        ORDER BY occurred_at, type`,
      [keyId],
    );
    return rows;
  }

  async nextAt(keyId: string): Promise<string | undefined> {
    const { rows } = await this.sql.query<{ next_at: Date | null }>(
      'SELECT next_at FROM key_rotations WHERE key_id = $1',
      [keyId],
    );
    return rows[0]?.next_at?.toISOString();
  }

  async close(): Promise<void> {
    for (const app of this.#started.splice(0).reverse()) await app.close();
    await this.sql.end();
    await this.database.drop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
