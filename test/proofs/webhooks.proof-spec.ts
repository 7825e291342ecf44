/**
 * Each event reaches a webhook that often fails, once by its id, and nobody is called who must not be. The receiver is the
 * judge: it verifies with the reference library and remembers what it was sent.
 */
import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { NotifyingProcess } from '../flows/notifications.harness.js';
import { GatewayProcess, type Installation, newInstallation } from '../support/gateway-process.js';
import { type OwnRedis, startOwnRedis, WITHOUT_OWN_REDIS } from '../support/redis.js';
import { JOBS_COME_TWICE, makePatchedBuild, type Patch } from './patched-build.harness.js';
import { setUpProof } from './proof.harness.js';
import { chooseSeed, seededRandom } from './seeded-random.harness.js';
import { Canary, FlakyReceiver, SteadyReceiver } from './webhooks.harness.js';

/** `PROOF_EVENTS=10000` is what the guarantee speaks of; fewer show the same. */
const EVENTS = Number(process.env.PROOF_EVENTS ?? 2_500);
const FEWER_EVENTS = 1_000;
/** For builds with a bug. */
const FEW_EVENTS = 200;
/** Of the keys that are made over the API so many are disabled too, which the webhooks hear of that take nothing. */
const DISABLED = 50;
/** Of the events, by keys that are made over the API. A credential has 600 calls of it a minute. */
const MADE_BY_API = 100;
const PARALLEL_CALLS = 4;
const TOLD_IN_A_TRANSACTION = 100;
const PATIENCE_MS = 540_000;
const POLL_MS = 200;
/** Sends that may be under way when a webhook is disabled: of two workers, 32 each. */
const MAX_IN_FLIGHT = 64;

/** No bug: the wait after a failed attempt is 0.5 ms rather than 5 s, 30 ms rather than 5 minutes, and so on. */
const HASTY: Patch = {
  file: 'modules/notifications/dispatch/delivery-schedule.js',
  find: 'const SECOND_MS = 1_000;',
  replace: 'const SECOND_MS = 0.1;',
};
const proof = setUpProof();

/** What became of it all; of a sound product each of them is 0. */
type Faults = Record<string, number>;
type Run = {
  readonly events: number;
  readonly build: string;
  readonly roles: readonly string[];
  readonly redisUrl?: string;
};

async function open<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const opened = await opening;
  onTestFinished(() => opened.close());
  return opened;
}

async function query<Row extends pg.QueryResultRow>(
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: proof.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function start(
  installation: Installation,
  build: string,
  roles: readonly string[],
): Promise<GatewayProcess> {
  const gateways = await Promise.all(
    roles.map((role) =>
      GatewayProcess.start(installation, { build, env: { LATCHKEY_ROLE: role } }),
    ),
  );
  return gateways[0]!;
}

/** Until the first start’s own notifications are out of the way. */
async function untilAllIsDispatched(): Promise<void> {
  await vi.waitFor(async () => {
    const waiting = await query('SELECT FROM notifications WHERE dispatched_at IS NULL');
    expect(waiting).toHaveLength(0);
  }, 30_000);
}

async function addWebhook(
  gateway: GatewayProcess,
  url: string,
  event: string,
): Promise<{ id: string; secret: string }> {
  const made = await gateway.call('POST', '/v1/webhooks', { url, events: [event] });
  expect(made.status).toBe(201);
  return made.body as { id: string; secret: string };
}

/** @returns the ids of the keys that were made, each of which is told of */
async function makeKeys(gateway: GatewayProcess, count: number): Promise<string[]> {
  const made: string[] = [];
  let begun = 0;
  const makeSome = async (): Promise<void> => {
    while (begun < count) {
      const at = begun++;
      const answer = await gateway.call('POST', '/v1/keys', { name: `told of ${at}` });
      expect(answer.status, JSON.stringify(answer.body)).toBe(201);
      const { id } = answer.body as { id: string };
      made.push(id);
      if (at >= DISABLED) continue;
      const disabled = await gateway.call('POST', `/v1/keys/${id}/disable`, {});
      expect(disabled.status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_CALLS }, makeSome));
  return made;
}

/**
 * This process as one more instance that tells of keys, by what all modules tell with: thousands of real keys would take
 * minutes to make.
 * @returns their ids
 */
async function tellOfOthers(
  gateway: GatewayProcess,
  count: number,
  redisUrl?: string,
): Promise<string[]> {
  if (count <= 0) return [];
  const self = (await gateway.call('GET', '/v1/key')).body as { organization_id: string };
  const { databaseUrl } = proof;
  const instance = await NotifyingProcess.start({
    databaseUrl,
    ...(redisUrl !== undefined && { redisUrl }),
  });
  const ids = Array.from({ length: count }, () => newId('key'));
  try {
    for (let at = 0; at < ids.length; at += TOLD_IN_A_TRANSACTION) {
      const some = ids.slice(at, at + TOLD_IN_A_TRANSACTION);
      await instance.tell(self.organization_id, 'key.created', some);
    }
  } finally {
    await instance.stop();
  }
  return ids;
}

/** How many deliveries of a webhook there are, by their state. */
async function statesOf(webhookId: string): Promise<Record<string, number>> {
  const rows = await query<{ status: string; count: number }>(
    `SELECT status, count(*)::int AS count FROM notification_deliveries WHERE channel_id = $1 GROUP BY status`,
    [webhookId],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** Has events told to three webhooks at once, until all is delivered or a fault is seen. */
async function tell({ events, build, roles, redisUrl }: Run): Promise<Faults> {
  const seed = chooseSeed();
  const canary = await open(Canary.start());
  const receiver = await open(FlakyReceiver.start(seededRandom(seed), canary.url));
  const redirecting = await open(SteadyReceiver.start(302, { location: canary.url }));
  const gone = await open(SteadyReceiver.start(410));
  const api = await start(newInstallation(proof.databaseUrl, redisUrl), build, roles);
  await untilAllIsDispatched();
  const main = await addWebhook(api, receiver.url, 'key.created');
  receiver.secret = main.secret;
  await addWebhook(api, redirecting.url, 'key.disabled');
  const goneId = (await addWebhook(api, gone.url, 'key.disabled')).id;

  const startedAt = performance.now();
  const made = await makeKeys(api, Math.min(events, MADE_BY_API));
  made.push(...(await tellOfOthers(api, events - made.length, redisUrl)));
  const publishedMs = performance.now() - startedAt;
  let states: Record<string, number> = {};
  const isSettled = (): boolean => states.pending === undefined && sum(states) >= events;
  while (performance.now() - startedAt < PATIENCE_MS) {
    states = await statesOf(main.id);
    if (isSettled() || receiver.hasSeenFault || canary.connections > 0) break;
    await sleep(POLL_MS);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const status = (await api.call('GET', `/v1/webhooks/${goneId}`)).body as { status: string };
  proof.figures.push(
    `${events} events over ${redisUrl === undefined ? 'PostgreSQL' : 'Redis'}: ${receiver.attempts} attempts, ` +
      `${((100 * receiver.failures) / receiver.attempts).toFixed(1)} % failed; published in ${(publishedMs / 1_000).toFixed(1)} s, ` +
      `all settled in ${seconds.toFixed(1)} s, ${(events / seconds).toFixed(0)} events/s; the redirecting webhook was ` +
      `asked ${redirecting.asked} times, the one that is gone ${gone.asked}; accepted ones that came again ` +
      `${receiver.answersLost}; seed ${seed}`,
  );
  const told = [...receiver.accepted.values()];
  const keysTold = new Set(told);
  return {
    ...receiver.faults,
    'connections to the canary': canary.connections,
    'events not accepted': made.filter((id) => !keysTold.has(id)).length,
    'events told by two ids': told.length - keysTold.size,
    'deliveries not written down as delivered': sum(states) - (states.delivered ?? 0),
    'gone but not disabled': status.status === 'disabled' ? 0 : 1,
    'asked on after it was gone': Math.max(0, gone.asked - MAX_IN_FLIGHT),
  };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** Those faults that there are. */
function seenIn(faults: Faults): string[] {
  return Object.entries(faults).flatMap(([fault, times]) => (times > 0 ? [fault] : []));
}

const IN_THREE = ['api', 'worker', 'worker'];
const IN_ONE = ['all'];

it(`${EVENTS} events are told once each by a webhook that fails 30 % of the time, and no redirect is followed`, async () => {
  const build = await makePatchedBuild(HASTY);
  expect(seenIn(await tell({ events: EVENTS, build, roles: IN_THREE }))).toEqual([]);
});

it.skipIf(WITHOUT_OWN_REDIS !== null)(
  `${FEWER_EVENTS} events are, with the jobs in Redis`,
  async () => {
    const redis: OwnRedis = await startOwnRedis();
    onTestFinished(() => redis.stop());
    const build = await makePatchedBuild(HASTY);
    const run = { events: FEWER_EVENTS, build, roles: IN_THREE, redisUrl: redis.url };
    expect(seenIn(await tell(run))).toEqual([]);
  },
);

it('a queue that hands each job out twice changes nothing', async () => {
  const build = await makePatchedBuild(HASTY, JOBS_COME_TWICE);
  expect(seenIn(await tell({ events: FEW_EVENTS, build, roles: IN_ONE }))).toEqual([]);
});

it.each<[string, string, Patch[]]>([
  [
    'takes a delivery that is not due, or is somebody else’s',
    'sent while it was being sent',
    [
      JOBS_COME_TWICE,
      {
        file: 'modules/notifications/dispatch/delivery.repository.js',
        find: `status = 'pending' AND next_attempt_at <= $2\n            AND NOT EXISTS`,
        replace: `status = 'pending' AND NOT EXISTS`,
      },
    ],
  ],
  [
    'follows redirects',
    'connections to the canary',
    [
      {
        file: 'modules/notifications/webhooks/webhook-sender.js',
        find: `import { Agent, buildConnector } from 'undici';`,
        replace: `import { Agent as Plain, buildConnector, interceptors } from 'undici';
          const Agent = function (options) {
            return new Plain(options).compose(interceptors.redirect({ maxRedirections: 3 }));
          };`,
      },
    ],
  ],
  [
    'writes each attempt down as delivered',
    'events not accepted',
    [
      {
        file: 'modules/notifications/dispatch/record-delivery.service.js',
        find: `const status = outcome.isSent ?`,
        replace: `const status = true ?`,
      },
    ],
  ],
  [
    'signs without the time',
    'not verified',
    [
      {
        file: 'modules/notifications/webhooks/webhook-signature.js',
        find: '`${id}.${timestamp}.${body}`',
        replace: '`${id}.${body}`',
      },
    ],
  ],
])('a build that %s is seen: %s', async (_, fault, patches) => {
  const build = await makePatchedBuild(HASTY, ...patches);
  expect(seenIn(await tell({ events: FEW_EVENTS, build, roles: IN_ONE }))).toContain(fault);
});

/** A name that leads to a private address, as somebody’s DNS may give it; `null` where this machine’s own is none. */
const ownName = await lookup(hostname()).then(
  () => hostname(),
  () => null,
);

/**
 * Webhooks of a time when private targets were allowed, under all the ways to write where the canary is.
 * @returns who connected to it, and what is said of the attempts
 */
async function callForbidden(build: string): Promise<{ connections: number; errors: unknown[] }> {
  const canary = await open(Canary.start());
  const { port } = new URL(canary.url);
  const installation = newInstallation(proof.databaseUrl);
  const api = await start(installation, build, ['api']);
  const names = ownName === null ? [] : [ownName];
  const hosts = ['127.0.0.1', '127.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', ...names];
  for (const host of hosts) await addWebhook(api, `http://${host}:${port}/`, 'key.created');
  await GatewayProcess.start(installation, {
    build,
    env: { LATCHKEY_ROLE: 'worker', LATCHKEY_ALLOW_PRIVATE_TARGETS: 'false' },
  });
  const keys = await makeKeys(api, 5);
  return vi.waitFor(async () => {
    const rows = await query<{ error: string | null }>(
      `SELECT error FROM notification_deliveries WHERE status = 'delivered' OR error IS NOT NULL`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(keys.length * hosts.length);
    const errors = [...new Set(rows.map(({ error }) => error))];
    return { connections: canary.connections, errors };
  }, 60_000);
}

it('where private targets are forbidden, webhooks that lead to one are not called', async () => {
  const called = await callForbidden(await makePatchedBuild(HASTY));
  proof.figures.push(`connections to a private address: ${called.connections}`);
  expect(called).toEqual({ connections: 0, errors: ['ERR_FORBIDDEN_TARGET'] });
});

it('a build that does not look where a webhook leads is seen to call a private address', async () => {
  const build = await makePatchedBuild(HASTY, {
    file: 'modules/notifications/webhooks/webhook-sender.js',
    find: 'connect: allowPrivateTargets',
    replace: 'connect: true',
  });
  const { connections } = await callForbidden(build);
  proof.figures.push(`connections to a private address by a build that is naive: ${connections}`);
  expect(connections).toBeGreaterThan(0);
});
