/** A key that is to be rotated now, on an installation of its own, with somebody who listens; and what comes of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { expect, vi } from 'vitest';

import { within } from '#common/time/within.js';

import { GatewayProcess, type Installation, newInstallation } from '../support/gateway-process.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { JobsLeft } from './jobs-left.harness.js';

/** What a worker says that is about to kill itself. */
export const LAST_WORDS = 'killed here';
const QUEUES = ['rotation', 'notifications', 'deliveries'];
/** A worker gets ready, and comes to its step, within that. */
const MAX_DEATH_MS = 90_000;
const LOOK_EVERY_MS = 500;
/** Where nothing is left to do nothing changes any more; for so long it is looked whether that is so. */
const QUIET_MS = 3_000;
const PATIENCE_MS = 150_000;
/** What is cached is forgotten after 5 s at the latest. */
const MAX_UNTOLD_MS = 15_000;
const CALL = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };

/** What a rotation has come to. */
export type Outcome = {
  /** Of the key, the oldest first, and any other that is sealed. */
  readonly secrets: readonly string[];
  readonly told: readonly string[];
  readonly deliveries: readonly string[];
  /** Different messages that the receiver has got. */
  readonly heard: number;
  /** How often the next time was set. */
  readonly nextTimes: number;
  readonly isNextAhead: boolean;
  /** Whether somebody will be reminded where nobody claims the secret. */
  readonly isWatched: boolean;
  /** What is still to be done, and the jobs that are not over. */
  readonly left: readonly string[];
};

export const RIGHT: Outcome = {
  secrets: ['good for the grace period', 'waiting'],
  told: ['key.rotated'],
  deliveries: ['delivered'],
  heard: 1,
  nextTimes: 1,
  isNextAhead: true,
  isWatched: true,
  left: [],
};

/** What whoever uses the key finds after that. */
export const USABLE = {
  claim: 200,
  withNew: { status: 200, endsAt: null },
  withOld: { status: 200, isEndTold: true },
  secondClaim: 409,
  sealed: 0,
};

/** Times in ms after the death of the worker. */
type Settled = {
  readonly outcome: Outcome;
  /** From when on all was as it is in the outcome, but for what was left. */
  readonly doneAfterMs: number;
  /** From when on nothing was left. */
  readonly nothingLeftAfterMs: number;
};

type Row = Omit<Outcome, 'heard' | 'left'> & { readonly due: readonly string[] };

const LOG_NEXT_TIMES = `
CREATE TABLE next_times (at timestamptz);
CREATE FUNCTION log_next_time() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO next_times VALUES (NEW.next_at); RETURN NULL; END';
CREATE TRIGGER log_next_time AFTER UPDATE ON key_rotations FOR EACH ROW
  WHEN (OLD.next_at IS DISTINCT FROM NEW.next_at) EXECUTE FUNCTION log_next_time()`;

const LOOK = `
SELECT ARRAY(
         SELECT CASE WHEN sealed IS NOT NULL AND expires_at IS NULL THEN 'waiting'
                     WHEN sealed IS NULL AND expires_at = last_at + grace_period_ms * interval '1 ms'
                       THEN 'good for the grace period'
                     WHEN sealed IS NULL AND expires_at IS NULL THEN 'current'
                     ELSE 'odd' END
           FROM api_key_secrets secret WHERE secret.key_id = rotation.key_id OR sealed IS NOT NULL
          ORDER BY created_at) AS secrets,
       ARRAY(SELECT type FROM notifications WHERE type <> 'key.created' ORDER BY type) AS told,
       ARRAY(SELECT status FROM notification_deliveries) AS deliveries,
       (SELECT count(*)::int FROM next_times) AS "nextTimes",
       next_at > now() AS "isNextAhead",
       watch_at IS NOT NULL AS "isWatched",
       ARRAY(SELECT 'a rotation is due' WHERE next_at <= now()
             UNION ALL
             SELECT type || ' is not dispatched' FROM notifications WHERE dispatched_at IS NULL
             UNION ALL
             SELECT 'a delivery is pending' FROM notification_deliveries WHERE status = 'pending') AS due
  FROM key_rotations rotation`;

/** So many processes get ready at a time: that takes all of a core for some seconds. */
const STARTING_AT_ONCE = 2;
let starting = 0;

async function inTurn<T>(start: () => Promise<T>): Promise<T> {
  while (starting >= STARTING_AT_ONCE) await sleep(100);
  starting++;
  try {
    return await start();
  } finally {
    starting--;
  }
}

/** A key with a schedule, on an installation that is off. What is proved is proved with copies of its database. */
export type PreparedKey = {
  readonly id: string;
  readonly secret: string;
  readonly installation: Installation;
  readonly database: TestDatabase;
};

export async function prepareKey(): Promise<PreparedKey> {
  const database = await createTestDatabase();
  const installation = newInstallation(database.url);
  const api = await GatewayProcess.start(installation, { env: { LATCHKEY_ROLE: 'api' } });
  const made = await api.call('POST', '/v1/keys', { name: 'rotated' });
  const { id, key } = made.body as { id: string; key: string };
  const webhook = { url: 'http://127.0.0.1:1/later', events: ['key.rotated'] };
  expect((await api.call('POST', '/v1/webhooks', webhook)).status).toBe(201);
  // Further ahead than a rotation is announced.
  const schedule = `0 3 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;
  expect((await api.call('POST', `/v1/keys/${id}/rotation`, { schedule })).status).toBe(200);
  expect(await api.end('SIGTERM')).toEqual({ code: 0, signal: null });
  return { id, secret: key, installation, database };
}

type Options = {
  /** Where the queues are; `null`: in PostgreSQL. */
  readonly redisUrl: string | null;
  /** Whether an API is there all along, which has the key in its cache. */
  readonly keepsApi: boolean;
};

type Surroundings = {
  readonly database: TestDatabase;
  readonly receiver: Receiver;
  readonly redisUrl: string | null;
  readonly jobs: JobsLeft;
};

/** Its processes run one after another, unless an API is there all along: so that many of these fit beside each other. */
export class KilledRotation {
  readonly #sql: pg.Pool;
  /** The first one answers calls. */
  readonly #gateways: GatewayProcess[] = [];
  #diedAt = { wall: 0, monotonic: 0 };

  private constructor(
    private readonly key: PreparedKey,
    private readonly around: Surroundings,
  ) {
    this.#sql = new pg.Pool({ connectionString: around.database.url, max: 1 });
  }

  /** The key's time has come. */
  static async prepare(key: PreparedKey, { redisUrl, keepsApi }: Options): Promise<KilledRotation> {
    const [database, receiver] = await Promise.all([
      createTestDatabase(key.database),
      startReceiver(),
    ]);
    const jobs = await JobsLeft.watch(QUEUES, database.url, redisUrl);
    const rotation = new KilledRotation(key, { database, receiver, redisUrl, jobs });
    const { url } = receiver;
    await rotation.#sql.query('UPDATE notification_channels SET address = $1', [url]);
    await rotation.#sql.query('UPDATE key_rotations SET next_at = now()');
    await rotation.#sql.query(LOG_NEXT_TIMES);
    if (keepsApi) {
      const api = await rotation.#start('api');
      expect(await complete(api, key.secret)).toEqual({ status: 200, endsAt: null });
    }
    return rotation;
  }

  /** Starts a worker that is to kill itself, and waits until it has. */
  async letWorkerDie(build: string): Promise<void> {
    await inTurn(async () => {
      const worker = this.#spawn('worker', build);
      const ending = await within(MAX_DEATH_MS, worker.ended, 'The worker did not die.');
      this.#diedAt = { wall: Date.now(), monotonic: performance.now() };
      // First, because a worker that could not start says why.
      expect(worker.output).toContain(LAST_WORDS);
      expect(ending).toEqual({ code: null, signal: 'SIGKILL' });
    });
  }

  /** Starts a worker that lives, and waits until nothing is left to do. */
  async recover(): Promise<Settled> {
    await this.#start(this.#gateways.length === 0 ? 'all' : 'worker');
    let seen = await this.#look();
    let changedAt = performance.now();
    let doneAt = changedAt;
    for (;;) {
      await sleep(LOOK_EVERY_MS);
      const now = performance.now();
      const next = await this.#look();
      if (!isDeepStrictEqual({ ...next, left: [] }, { ...seen, left: [] })) doneAt = now;
      if (!isDeepStrictEqual(next, seen)) changedAt = now;
      seen = next;
      const isQuiet = seen.left.length === 0 && now - changedAt > QUIET_MS;
      if (isQuiet || now - this.#diedAt.monotonic > PATIENCE_MS) {
        return {
          outcome: seen,
          doneAfterMs: doneAt - this.#diedAt.monotonic,
          nothingLeftAfterMs: changedAt - this.#diedAt.monotonic,
        };
      }
    }
  }

  /** Claims the secret that waits, and uses both; through the API that was there all along, where there is one. */
  async use(): Promise<unknown> {
    const [gateway] = this.#gateways;
    if (!gateway) throw new Error('Nobody answers calls yet.');
    const { id, secret } = this.key;
    const hasHeard = async (): Promise<void> =>
      expect((await complete(gateway, secret)).endsAt).not.toBeNull();
    await vi.waitFor(hasHeard, MAX_UNTOLD_MS);
    const claimed = await gateway.call('POST', `/v1/keys/${id}/claim`);
    const { key, old_key_expires_at: oldEndsAt } = claimed.body as Record<string, string>;
    const withOld = await complete(gateway, secret);
    const sealed = 'SELECT count(*)::int AS n FROM api_key_secrets WHERE sealed IS NOT NULL';
    return {
      claim: claimed.status,
      withNew: await complete(gateway, key ?? ''),
      withOld: {
        status: withOld.status,
        // A header's time has no fractions of a second.
        isEndTold: withOld.endsAt === new Date(oldEndsAt ?? NaN).toUTCString(),
      },
      secondClaim: (await gateway.call('POST', `/v1/keys/${id}/claim`)).status,
      sealed: (await this.#sql.query<{ n: number }>(sealed)).rows[0]?.n,
    };
  }

  get messages(): number {
    return this.around.receiver.received.length;
  }

  async close(): Promise<void> {
    const { database, receiver, jobs } = this.around;
    await Promise.all(this.#gateways.map((gateway) => gateway.end('SIGKILL')));
    await jobs.close();
    await this.#sql.end();
    await receiver.close();
    await database.drop();
  }

  async #start(role: 'all' | 'api' | 'worker'): Promise<GatewayProcess> {
    return inTurn(async () => {
      const gateway = this.#spawn(role);
      this.#gateways.push(gateway);
      await gateway.ready();
      return gateway;
    });
  }

  #spawn(role: 'all' | 'api' | 'worker', build?: string): GatewayProcess {
    const { database, redisUrl } = this.around;
    const env = {
      DATABASE_URL: database.url,
      LATCHKEY_ROLE: role,
      ...(redisUrl !== null && { REDIS_URL: redisUrl }),
    };
    return new GatewayProcess(
      this.key.installation,
      build === undefined ? { env } : { env, build },
    );
  }

  async #look(): Promise<Outcome> {
    const [jobs, { rows }] = await Promise.all([
      this.around.jobs.of(this.#diedAt.wall),
      this.#sql.query<Row>(LOOK),
    ]);
    if (!rows[0]) throw new Error('The schedule is gone.');
    const { due, ...row } = rows[0];
    const ids = this.around.receiver.received.map(({ headers }) => headers['webhook-id']);
    return { ...row, heard: new Set(ids).size, left: [...due, ...jobs] };
  }
}

/** A completion with this secret; answers also the end that the answer says the secret has. */
async function complete(
  gateway: GatewayProcess,
  secret: string,
): Promise<{ status: number; endsAt: string | null }> {
  const answer = await fetch(`${gateway.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify(CALL),
  });
  await answer.arrayBuffer();
  return { status: answer.status, endsAt: answer.headers.get('sunset') };
}
