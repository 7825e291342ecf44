/** A completion that a client has got whole is in the accounts, once and exactly, whenever the gateway is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import {
  endGateways,
  GatewayProcess,
  type Installation,
  newDataFolder,
  newInstallation,
  withEmbeddedDatabase,
} from '../support/gateway-process.js';
import { createTestDatabase } from '../support/postgres.js';
import { readAccounts, RIGHT, summarize } from './accounts.harness.js';
import { killServer } from './embedded-postgres.harness.js';
import { KILLS } from './kills.harness.js';
import { LedgerProvider } from './ledger-provider.harness.js';
import { Load } from './load.harness.js';
import { makePatchedBuild } from './patched-build.harness.js';
import { between, chooseSeed, seededRandom } from './seeded-random.harness.js';

const CLIENTS = 30;
const seed = chooseSeed();
const figures: string[] = [];

afterEach(endGateways);
afterAll(() => console.info(figures.join('\n')));

type Run = {
  readonly installation: Installation;
  readonly kills: number;
  readonly build?: string;
  /** What dies with the gateway at each kill, by its number. */
  readonly alsoKill?: (kill: number, dataFolder: string) => Promise<void>;
};

type Outcome = {
  readonly load: Load;
  readonly provider: LedgerProvider;
  readonly dataFolder: string;
};

/** Kills the gateway at random moments of an unbroken load, starting it again on the same data folder each time. */
async function killUnderLoad(title: string, { kills, ...run }: Run): Promise<Outcome> {
  // Apart, because the order in which calls draw is not the seed's to decide; that of the kills is.
  const forKills = seededRandom(seed);
  const forCalls = seededRandom(seed + 1);
  const provider = await LedgerProvider.start({
    beforeMs: between(forCalls, 0, 15),
    chunks: () => Math.floor(between(forCalls, 1, 6)()),
    betweenMs: between(forCalls, 0, 4),
  });
  const options = {
    dataFolder: newDataFolder(),
    ...(run.build !== undefined && { build: run.build }),
  };
  let gateway = await GatewayProcess.start(run.installation, options);
  const load = new Load(CLIENTS, await provider.openOn(gateway), forCalls);
  const killAfterMs = between(forKills, 100, 1_000);
  const killStartAfterMs = between(forKills, 0, 1_500);
  const recoveriesMs: number[] = [];
  let killsAtStart = 0;
  for (let kill = 1; kill <= kills; kill++) {
    await load.aimAt(gateway.origin);
    await sleep(killAfterMs());
    const ended = gateway.end('SIGKILL');
    await run.alsoKill?.(kill, options.dataFolder);
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
    await load.aimAt(null);
    if (kill % 4 === 0) {
      // The successor dies as well, somewhere between its first step and its first calls.
      const successor = new GatewayProcess(run.installation, options);
      await sleep(killStartAfterMs());
      await successor.end('SIGKILL');
      killsAtStart++;
    }
    gateway = await GatewayProcess.start(run.installation, options);
    recoveriesMs.push(performance.now() - gateway.spawnedAt);
  }
  await load.aimAt(gateway.origin);
  await sleep(300);
  await load.stop();
  expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null });
  await provider.stop();
  recoveriesMs.sort((a, b) => a - b);
  const ms = (value = 0): string => `${Math.round(value)} ms`;
  figures.push(
    `usage survives kill -9, ${title}, seed ${seed}: ${load.calls.length} calls, ${kills} kills under load, ` +
      `${killsAtStart} during a start; ready again in ${ms(recoveriesMs[kills >> 1])} (median), ` +
      `${ms(recoveriesMs.at(-1))} (longest)`,
  );
  return { load, provider, dataFolder: options.dataFolder };
}

async function account(url: string, { load, provider }: Outcome) {
  const accounts = await readAccounts(url, load.whole);
  const unrecorded = provider.answered.size - accounts.completedRows;
  figures.push(
    `  ${summarize(accounts)}; the provider finished ${unrecorded} more that died on the way`,
  );
  return { ...accounts, unrecorded };
}

function expectRight(accounts: Awaited<ReturnType<typeof account>>, { load }: Outcome): void {
  expect(accounts).toMatchObject(RIGHT);
  // Nothing is charged that the provider did not do.
  expect(accounts.unrecorded).toBeGreaterThanOrEqual(0);
  expect(load.improper).toEqual([]);
}

describe('kill -9 of the gateway under load', () => {
  it(`${KILLS} times: each completion that was received whole is counted once and exactly`, async () => {
    const database = await createTestDatabase();
    const installation = newInstallation(database.url);
    const outcome = await killUnderLoad('PostgreSQL apart', { installation, kills: KILLS });
    const accounts = await account(database.url, outcome);
    expectRight(accounts, outcome);
    expect(accounts.noted).toBeGreaterThan(25 * KILLS);
    await database.drop();
  });

  it('with the embedded PostgreSQL, left over or killed as well, 5 times: the same', async () => {
    const outcome = await killUnderLoad('PostgreSQL embedded', {
      installation: newInstallation(),
      kills: 5,
      alsoKill: async (kill, dataFolder) => {
        if (kill % 2 === 1) await killServer(dataFolder, 'with its sessions');
      },
    });
    const accounts = await withEmbeddedDatabase(outcome.dataFolder, (url) => account(url, outcome));
    expectRight(accounts, outcome);
    expect(accounts.noted).toBeGreaterThan(100);
  });

  it('is noticed when records wait in memory for 200 ms before they are written', async () => {
    const database = await createTestDatabase();
    const build = await makePatchedBuild({
      file: 'modules/usage/spool-usage-recorder.js',
      find: 'record(record, written) {',
      replace: `record(record, written) {
        setTimeout(() => this.writer.append(record), 200);
        setImmediate(() => written(null));
        return;`,
    });
    const outcome = await killUnderLoad('records kept in memory', {
      installation: newInstallation(database.url),
      kills: 3,
      build,
    });
    const { missing, found } = await account(database.url, outcome);
    expect(missing.length).toBeGreaterThan(0);
    expect(found).toBeGreaterThan(0);
    await database.drop();
  });
});
