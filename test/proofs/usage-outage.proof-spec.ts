/** While PostgreSQL is away usage waits on the disk: nothing is lost, doubled, or served uncounted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { GatewayProcess, newDataFolder, newInstallation } from '../support/gateway-process.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { readAccounts, RIGHT, summarize } from './accounts.harness.js';
import { LedgerProvider } from './ledger-provider.harness.js';
import { Load } from './load.harness.js';
import { setUpProof } from './proof.harness.js';
import { between, chooseSeed, seededRandom } from './seeded-random.harness.js';

/** `PROOF_OUTAGE_S=60` is the outage that the guarantee speaks of; a shorter one shows the same. */
const OUTAGE_MS = Number(process.env.PROOF_OUTAGE_S ?? 12) * 1_000;
const BEFORE_AND_AFTER_MS = 2_000;
const CALLS_PER_SECOND = 200;
const ANSWER_MS = 150;

const proof = setUpProof();
const seed = chooseSeed();

describe('PostgreSQL away under load', () => {
  it.each([false, ...(WITHOUT_REDIS === null ? [true] : [])])(
    'loses, doubles and forgets nothing (with Redis: %s)',
    async (hasRedis) => {
      const random = seededRandom(seed);
      const redis = hasRedis ? await startRedis() : null;
      const postgres = await startTcpProxy(proof.databaseUrl);
      const installation = newInstallation(postgres.url, redis?.url);
      const provider = await LedgerProvider.start({
        beforeMs: between(random, ANSWER_MS * 0.8, ANSWER_MS * 1.2),
        chunks: () => 1,
        betweenMs: () => 0,
      });
      const gateway = await GatewayProcess.start(installation, { dataFolder: newDataFolder() });
      const clients = Math.ceil((CALLS_PER_SECOND * ANSWER_MS) / 1_000);
      const load = new Load(clients, await provider.openOn(gateway), random);
      await load.aimAt(gateway.origin);
      await sleep(BEFORE_AND_AFTER_MS);
      postgres.refuse();
      const awayFrom = performance.now();
      await sleep(OUTAGE_MS);
      const awayTo = performance.now();
      postgres.restore();
      await sleep(BEFORE_AND_AFTER_MS);
      await load.stop();
      expect(await gateway.end('SIGTERM')).toEqual({ code: 0, signal: null });
      await provider.stop();
      await postgres.stop();
      await redis?.stop();

      const accounts = await readAccounts(proof.databaseUrl, load.whole);
      const during = load.whole.filter(({ endedAt }) => endedAt > awayFrom && endedAt < awayTo);
      const refused = load.calls.filter(({ status }) => status === 503).length;
      proof.figures.push(
        `PostgreSQL away for ${OUTAGE_MS / 1_000} s${hasRedis ? ', with Redis' : ''}, seed ${seed}: ` +
          `${summarize(accounts)}; ${during.length} answered while it was away, ${refused} refused`,
      );
      expect(accounts).toMatchObject(RIGHT);
      expect(accounts.rows).toBe(provider.answered.size);
      expect(during.length).toBeGreaterThan(100);
      expect(load.improper.filter(({ status }) => status !== 503)).toEqual([]);
    },
    OUTAGE_MS * 2 + 60_000,
  );
});
