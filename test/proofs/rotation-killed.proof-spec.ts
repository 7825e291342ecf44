/** A worker that is killed at any step of a rotation: one new secret, one notification, nothing left over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { endGateways } from '../support/gateway-process.js';
import { startRedis, type TestRedis, WITHOUT_REDIS } from '../support/redis.js';
import { copyBuild, type Patch } from './patched-build.harness.js';
import {
  KilledRotation,
  LAST_WORDS,
  type PreparedKey,
  prepareKey,
  type Outcome,
  RIGHT,
  USABLE,
} from './rotation-killed.harness.js';

const ROTATE = 'modules/keys/rotation/schedules/rotate-on-schedule.service.js';
const ATTEND = 'modules/keys/rotation/schedules/attend-to-rotation.service.js';
const REPLACE = 'modules/keys/rotation/replace-secret.service.js';
const RECORD = 'modules/notifications/record-notification.service.js';
const DISPATCH = 'modules/notifications/dispatch/dispatch-notification.service.js';
const DELIVER = 'modules/notifications/dispatch/deliver-notification.service.js';
const RECORD_DELIVERY = 'modules/notifications/dispatch/record-delivery.service.js';

/** Nothing goes on after that, however late the signal comes. */
const DIE = `process.stdout.write('${LAST_WORDS}\\n'); process.kill(process.pid, 'SIGKILL'); for (;;);`;
/** A rotation's schedule is attended to for other reasons as well. */
const IS_ROTATED = 'next.lastAt !== rotation.lastAt';

function dieBefore(file: string, find: string, where = 'true'): Patch {
  return { file, find, replace: `if (${where}) { ${DIE} }\n${find}` };
}

type Step = {
  readonly step: string;
  readonly kill: Patch;
  readonly alsoOnRedis?: boolean;
  /** Who has the key in its cache, and is to hear of its new secret. */
  readonly keepsApi?: boolean;
  /** How often the one message may come. */
  readonly messages?: number;
};

const STEPS: readonly Step[] = [
  {
    step: 'before the old secrets get an end',
    kill: dieBefore(REPLACE, 'await this.secrets.retire('),
  },
  {
    step: 'before the new secret is stored',
    kill: dieBefore(REPLACE, 'await this.secrets.insert(row);'),
  },
  {
    step: 'after it is stored, before it is told',
    kill: dieBefore(ROTATE, 'await this.#tellRotated(key, rotation, oldExpiresAt);'),
  },
  {
    step: 'after it is told, before the next time is set',
    kill: dieBefore(ATTEND, 'if (next !== rotation)', IS_ROTATED),
  },
  {
    step: 'after all statements, before the commit',
    kill: dieBefore(ATTEND, "this.events.emit('keys.key-changed'", IS_ROTATED),
    alsoOnRedis: true,
  },
  {
    step: 'after the commit, before anybody hears of it',
    kill: {
      file: ATTEND,
      find: 'const next = await work(key, rotation);',
      replace: `let isRotated = false;
        this.transactions.afterCommit(() => { if (isRotated) { ${DIE} } });
        const next = await work(key, rotation);
        isRotated = ${IS_ROTATED};`,
    },
    alsoOnRedis: true,
    keepsApi: true,
  },
  {
    step: 'while the notification is dispatched, before it has deliveries',
    kill: dieBefore(
      DISPATCH,
      'const now = new Date(this.clock.now());',
      "notification.type === 'key.rotated'",
    ),
    alsoOnRedis: true,
  },
  {
    step: 'after it has a delivery, before the job of that is published',
    kill: dieBefore(DISPATCH, 'for (const delivery of deliveries)', 'deliveries.length > 0'),
  },
  {
    step: 'after the delivery is taken, before it is sent',
    kill: dieBefore(DELIVER, 'if (!claimed)', 'claimed'),
    alsoOnRedis: true,
  },
  {
    step: 'after it is sent, before that is written down',
    kill: dieBefore(RECORD_DELIVERY, 'const delayMs = delayUntilNext('),
    messages: 2,
  },
];

type Bug = {
  readonly bug: string;
  readonly patch: Patch;
  /** Where a worker with the bug is killed. */
  readonly kill: Patch;
  readonly seen: Partial<Outcome>;
};

const BUGS: readonly Bug[] = [
  {
    bug: 'records the notification after the rotation, in a transaction of its own',
    patch: {
      file: ROTATE,
      find: 'await this.#tellRotated(key, rotation, oldExpiresAt);',
      replace: `this.rotations.transactions.afterCommit(() => {
        void this.#tellRotated(key, rotation, oldExpiresAt);
      });`,
    },
    kill: dieBefore(ROTATE, 'void this.#tellRotated(key, rotation, oldExpiresAt);'),
    seen: { told: [], heard: 0 },
  },
  {
    bug: 'records the notification before the rotation, in a transaction of its own',
    patch: {
      file: RECORD,
      find: 'await this.transactions.sql(',
      replace: 'await this.transactions.dataSource.query(',
    },
    kill: dieBefore(ATTEND, 'if (next !== rotation)', IS_ROTATED),
    seen: { told: ['key.rotated', 'key.rotated'], heard: 2 },
  },
  {
    bug: 'sets the next time after the rotation, in a transaction of its own',
    patch: {
      file: ATTEND,
      find: 'await this.rotations.update(next);',
      replace: 'this.transactions.afterCommit(() => {\nvoid this.rotations.update(next);\n});',
    },
    kill: dieBefore(ATTEND, 'void this.rotations.update(next);', IS_ROTATED),
    seen: { told: ['key.rotated', 'key.rotation_skipped'], isWatched: false },
  },
  {
    bug: 'sets the next time before the rotation, in a transaction of its own',
    patch: {
      file: ROTATE,
      find: 'const { row } = await this.replaceSecret.replace(',
      replace: `await this.rotations.transactions.dataSource.query(
        'UPDATE key_rotations SET next_at = $2 WHERE key_id = $1', [rotation.keyId, nextAt]);
      const { row } = await this.replaceSecret.replace(`,
    },
    kill: dieBefore(REPLACE, 'await this.secrets.insert(row);'),
    seen: { secrets: ['current'], told: [] },
  },
  {
    bug: 'writes a delivery down as delivered before it is sent',
    patch: {
      file: DELIVER,
      find: 'await this.recorder.record(claimed, await this.sender.send(claimed));',
      replace: `{
        await this.recorder.record(claimed, { isSent: true, status: 200 });
        await this.sender.send(claimed);
      }`,
    },
    kill: dieBefore(DELIVER, 'await this.sender.send(claimed);'),
    seen: { deliveries: ['delivered'], heard: 0 },
  },
];

/** From the last step to the first: the last ones take longest, as a delivery is its worker's for a minute. */
const CASES = STEPS.toReversed().flatMap(({ alsoOnRedis, ...step }) => [
  { ...step, store: 'PostgreSQL' as const },
  ...(alsoOnRedis === true ? [{ ...step, store: 'Redis' as const }] : []),
]);

let key: PreparedKey;
let redis: TestRedis | null = null;
const figures: string[] = [];
beforeAll(async () => {
  key = await prepareKey();
  redis = await startRedis();
});
afterAll(async () => {
  await endGateways();
  await redis?.stop();
  await key.database.drop();
  console.info(figures.sort().join('\n'));
});

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(0)} s`;

describe.concurrent('a worker that is killed', () => {
  it.for(CASES)(
    '$step: rotates once and tells once ($store)',
    async ({ step, kill, store, keepsApi = false, messages = 1 }, { skip }) => {
      skip(store === 'Redis' && WITHOUT_REDIS !== null, WITHOUT_REDIS ?? '');
      const build = await copyBuild([kill]);
      const redisUrl = store === 'Redis' ? (redis?.url ?? null) : null;
      const rotation = await KilledRotation.prepare(key, { redisUrl, keepsApi });
      try {
        await rotation.letWorkerDie(build.path);
        const { outcome, doneAfterMs, nothingLeftAfterMs } = await rotation.recover();
        figures.push(
          `killed ${step} (${store}): all done after ${seconds(doneAfterMs)}, no job left after ${seconds(nothingLeftAfterMs)}`,
        );
        expect(outcome).toEqual(RIGHT);
        expect(rotation.messages).toBe(messages);
        expect(await rotation.use()).toEqual(USABLE);
      } finally {
        await rotation.close();
        await build.remove();
      }
    },
  );

  it.each(BUGS)(
    'is seen to do it wrong, where its build $bug',
    async ({ bug, patch, kill, seen }) => {
      const build = await copyBuild([patch, kill]);
      const rotation = await KilledRotation.prepare(key, { redisUrl: null, keepsApi: false });
      try {
        await rotation.letWorkerDie(build.path);
        const { outcome } = await rotation.recover();
        figures.push(`seeded: a build that ${bug}: ${JSON.stringify(outcome)}`);
        expect(outcome).not.toEqual(RIGHT);
        expect(outcome).toMatchObject(seen);
      } finally {
        await rotation.close();
        await build.remove();
      }
    },
  );
});
