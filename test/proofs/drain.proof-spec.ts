/** A gateway that is told to stop finishes what it has begun, and loses nothing. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import {
  endGateways,
  type Ending,
  GatewayProcess,
  newDataFolder,
  newInstallation,
  withEmbeddedDatabase,
} from '../support/gateway-process.js';
import { createTestDatabase } from '../support/postgres.js';
import { freePort } from '../support/redis.js';
import { readAccounts, RIGHT, summarize } from './accounts.harness.js';
import { serverPid } from './embedded-postgres.harness.js';
import { answerOf, LedgerProvider, MODEL, questionOf } from './ledger-provider.harness.js';
import { type Call, Load } from './load.harness.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { between, chooseSeed, seededRandom } from './seeded-random.harness.js';

const CLIENTS = 30;
const DRAINS = 5;
const MAX_DRAIN_MS = 30_000;
const CLEAN: Ending = { code: 0, signal: null };
const seed = chooseSeed();
const random = seededRandom(seed);
const figures: string[] = [];

afterEach(endGateways);
afterAll(() => console.info(figures.join('\n')));

/** Slow, so that at any moment most clients wait for an answer, and the longest of them for more than a second. */
const startProvider = (): Promise<LedgerProvider> =>
  LedgerProvider.start({
    beforeMs: between(random, 50, 600),
    chunks: () => Math.floor(between(random, 3, 15)()),
    betweenMs: between(random, 20, 80),
  });

type Drain = {
  readonly ending: Ending;
  readonly tookMs: number;
  /** Calls that had reached the provider when the signal was sent. */
  readonly inFlight: readonly Call[];
  /** Calls that the client had begun by then, but of which the provider had not heard. */
  readonly onTheirWay: readonly Call[];
  readonly later: readonly Call[];
};

async function drain(
  gateway: GatewayProcess,
  load: Load,
  provider: LedgerProvider,
  signal: () => void,
): Promise<Drain> {
  await load.aimAt(gateway.origin);
  await sleep(between(random, 700, 1_200)());
  const asked = new Set(provider.asked);
  const signalledAt = performance.now();
  const open = load.calls.filter(({ endedAt }) => endedAt === Infinity);
  signal();
  const ending = await gateway.ended;
  const tookMs = performance.now() - signalledAt;
  await load.aimAt(null);
  return {
    ending,
    tookMs,
    inFlight: open.filter(({ number }) => asked.has(number)),
    onTheirWay: open.filter(({ number }) => !asked.has(number)),
    later: load.calls.filter(({ startedAt }) => startedAt > signalledAt),
  };
}

/** Every refusal after the signal is one that a client may try again: the connection was refused or closed, or 503. */
function expectCleanDrain({ ending, tookMs, inFlight, later }: Drain): void {
  expect(ending).toEqual(CLEAN);
  expect(tookMs).toBeLessThan(MAX_DRAIN_MS);
  expect(inFlight.length).toBeGreaterThan(CLIENTS / 3);
  expect(inFlight.filter(({ isWhole }) => !isWhole)).toEqual([]);
  expect(
    later.filter(({ isWhole, status }) => !isWhole && status !== null && status !== 503),
  ).toEqual([]);
  // Once the server closes it says so: a client that goes on calling would keep its connection, and the process with it.
  const refused = later.filter(({ status }) => status === 503);
  const closingAt = Math.min(
    ...refused.filter(({ closes }) => closes).map(({ endedAt }) => endedAt),
  );
  expect(refused.filter(({ startedAt, closes }) => startedAt > closingAt && !closes)).toEqual([]);
  expect(refused.length === 0 || closingAt < Infinity).toBe(true);
}

function describeDrain({ tookMs, inFlight, onTheirWay, later }: Drain): string {
  const lost = (calls: readonly Call[]): number => calls.filter(({ isWhole }) => !isWhole).length;
  const streams = inFlight.filter(({ stream }) => stream).length;
  return (
    `  ended after ${tookMs.toFixed(0)} ms; ${inFlight.length} in flight (${streams} streams), ${lost(inFlight)} of them failed; ` +
    `${onTheirWay.length} on their way, ${lost(onTheirWay)} failed; ${later.length} begun later, ${lost(later)} refused`
  );
}

describe('SIGTERM under load', () => {
  it(`${DRAINS} times: no call in flight fails, streams finish, no usage is lost`, async () => {
    const database = await createTestDatabase();
    const installation = newInstallation(database.url);
    const provider = await startProvider();
    const dataFolder = newDataFolder();
    let load: Load | null = null;
    figures.push(`drain on SIGTERM, seed ${seed}:`);
    for (let round = 0; round < DRAINS; round++) {
      const gateway = await GatewayProcess.start(installation, { dataFolder });
      load ??= new Load(CLIENTS, await provider.openOn(gateway), random);
      const drained = await drain(gateway, load, provider, () => gateway.signal('SIGTERM'));
      figures.push(describeDrain(drained));
      expectCleanDrain(drained);
      // The rows are there when the process has ended, not only after the next start.
      const accounts = await readAccounts(database.url, load.whole);
      expect(accounts).toMatchObject(RIGHT);
      if (round === DRAINS - 1) figures.push(`  ${summarize(accounts)}`);
    }
    await load?.stop();
    await provider.stop();
    await database.drop();
  });
});

describe('readiness while a call in flight holds up the end', () => {
  it('is 503 on a connection that is left, and a new connection is refused', async () => {
    const database = await createTestDatabase();
    const pace = { beforeMs: () => 2_000, chunks: () => 1, betweenMs: () => 0 };
    const provider = await LedgerProvider.start(pace);
    const gateway = await GatewayProcess.start(newInstallation(database.url));
    const key = await provider.openOn(gateway);
    const body = JSON.stringify({
      model: MODEL,
      messages: [{ role: 'user', content: questionOf(1) }],
    });
    const { hostname, port } = new URL(gateway.origin);
    const client = connect(Number(port), hostname);
    let said = '';
    client.setEncoding('utf8').on('data', (text: string) => (said += text));
    const closed = once(client, 'close');
    client.write(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
        `authorization: Bearer ${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await expect.poll(() => provider.asked.size, { timeout: 10_000, interval: 5 }).toBe(1);
    gateway.signal('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(`${gateway.origin}/health/ready`).then(
            () => 'taken',
            () => 'refused',
          ),
        {
          timeout: 1_500,
          interval: 20,
        },
      )
      .toBe('refused');
    // In line behind the call, on its connection.
    client.write('GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n');
    await closed;
    const statuses = [...said.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    expect(statuses).toEqual(['200', '503']);
    expect(said).toContain(answerOf(1));
    expect(await gateway.ended).toEqual(CLEAN);
    await provider.stop();
    await database.drop();
  });
});

describe('a signal that comes with the first connection', () => {
  /** What comes after the ports are open, made slow enough for a signal to come before its end on any machine. */
  const SLOW_REST = 'await new Promise((done) => setTimeout(done, 1_000));';
  const LISTENED_FOR = 'await startSystem(config, logger, onFailure, onServing);';

  /** How it ends. */
  async function signalAtOnce(build?: string): Promise<Ending> {
    const database = await createTestDatabase();
    const port = await freePort();
    const gateway = new GatewayProcess(newInstallation(database.url), {
      env: { PORT: String(port) },
      ...(build !== undefined && { build }),
    });
    while (!(await connects(port))) expect(gateway.isRunning).toBe(true);
    const ending = await gateway.end('SIGTERM');
    await database.drop();
    return ending;
  }

  it('is an orderly stop', async () => {
    expect(await signalAtOnce()).toEqual(CLEAN);
  });

  it('is an orderly stop while the rest of the start takes its time', async () => {
    const build = await makePatchedBuild({
      file: 'main.js',
      find: LISTENED_FOR,
      replace: `${LISTENED_FOR} ${SLOW_REST}`,
    });
    expect(await signalAtOnce(build)).toEqual(CLEAN);
  });

  it('is seen to be none where it is listened for once the start is over', async () => {
    const build = await makePatchedBuild({
      file: 'main.js',
      find: LISTENED_FOR,
      replace: `await startSystem(config, logger, onFailure); ${SLOW_REST}
        onServing(() => system.stop());`,
    });
    expect(await signalAtOnce(build)).toEqual({ code: null, signal: 'SIGTERM' });
  });
});

async function connects(port: number): Promise<boolean> {
  const client = connect(port, '127.0.0.1');
  try {
    await once(client, 'connect');
    return true;
  } catch {
    // Nobody listens yet, which is the answer.
    return false;
  } finally {
    client.destroy();
  }
}

describe('Ctrl-C with the embedded PostgreSQL', () => {
  it('ends in the same way, and leaves no process', async () => {
    const provider = await startProvider();
    const gateway = await GatewayProcess.start(newInstallation(), { leadsGroup: true });
    const server = await serverPid(gateway.dataFolder);
    const load = new Load(CLIENTS, await provider.openOn(gateway), random);
    const drained = await drain(gateway, load, provider, () => gateway.signal('SIGINT', 'group'));
    figures.push('drain on Ctrl-C, PostgreSQL embedded:', describeDrain(drained));
    await load.stop();
    expectCleanDrain(drained);
    expect(() => process.kill(server, 0)).toThrow('ESRCH');
    const accounts = await withEmbeddedDatabase(gateway.dataFolder, (url) =>
      readAccounts(url, load.whole),
    );
    figures.push(`  ${summarize(accounts)}`);
    expect(accounts).toMatchObject(RIGHT);
    await provider.stop();
  });
});
