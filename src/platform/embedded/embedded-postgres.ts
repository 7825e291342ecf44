import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

import { Secret } from '#common/secret/secret.js';
import type { Logger } from '#platform/observability/logger.js';

import { type Cluster, DATABASE, ensureCluster, locateCluster } from './cluster.js';
import type { DataFolder } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';
import { findPrograms } from './postgres-programs.js';
import { clearPredecessor, ServerProcess } from './server-process.js';
import { findAccount, SYSTEM_HOMES } from './server-account.js';

const START_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 5;
const RETRY_MS = 500;
const POLL_MS = 20;
const CONNECT_TIMEOUT_MS = 5000;

/** Another program took the port in between; or what is left of a killed server is still ending. */
const PASSING_FAILURE =
  /could not bind|Address already in use|is still in use|lock file ".*" already exists/;
/** cannot_connect_now: the server is still starting, or recovering from a crash. */
const CANNOT_CONNECT_NOW = '57P03';

export type EmbeddedPostgresOptions = Readonly<{
  folder: DataFolder;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Server settings besides ours, such as `fsync: 'off'` for tests. */
  settings?: Readonly<Record<string, string>>;
  /** The server ended by itself; what the application holds of it is of no use any more. */
  onExit?: (how: string) => void;
}>;

/** The default database: a PostgreSQL server of our own in the data folder, on 127.0.0.1 and a free port. */
export class EmbeddedPostgres {
  #stopping: Promise<void> | null = null;

  private constructor(
    /** Of a role that owns its database and is no superuser. The port is another one at each start. */
    readonly url: Secret,
    private readonly server: ServerProcess,
    onExit: (how: string) => void,
  ) {
    void server.ended.then((how) => {
      if (this.#stopping === null) onExit(how);
    });
  }

  /**
   * Makes the cluster at the first start, recovers it after a crash, and waits until a query is answered: 60 seconds
   * at most.
   * @throws EmbeddedPostgresError whose message says what to do, with the end of the server's log
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { folder, logger, settings = {}, onExit = () => undefined } = options;
    const account = await findAccount();
    const cluster = await locateCluster(folder, account, SYSTEM_HOMES);
    const homes = account === null ? [folder.path] : SYSTEM_HOMES;
    const programs = await findPrograms(cluster.account, homes);
    const password = await ensureCluster(folder, cluster, programs, settings.fsync !== 'off');
    const launch = {
      program: programs.postgres,
      cluster,
      settings,
      logFile: join(folder.path, 'postgres.log'),
    };
    const end = performance.now() + START_TIMEOUT_MS;
    for (let attempt = 1; ; attempt++) {
      await stopOrphan(cluster, logger);
      const port = await freePort();
      const url = new Secret(
        `postgres://${DATABASE}:${password.reveal()}@127.0.0.1:${port}/${DATABASE}`,
      );
      const server = await ServerProcess.launch({ ...launch, port });
      const failure = await waitUntilReady(server, url, end);
      if (failure === null) {
        logger.info({ port, path: cluster.path }, 'PostgreSQL runs');
        return new EmbeddedPostgres(url, server, onExit);
      }
      await server.stop();
      const log = await server.logTail();
      if (attempt === MAX_ATTEMPTS || !PASSING_FAILURE.test(log)) {
        throw new EmbeddedPostgresError(`PostgreSQL did not start: ${failure}. Its log:\n${log}`);
      }
      logger.warn({ attempt }, 'PostgreSQL did not start, trying again');
      await sleep(RETRY_MS);
    }
  }

  /** Ends all sessions and writes a checkpoint. To be called when nobody uses the database any more. */
  async stop(): Promise<void> {
    this.#stopping ??= this.server.stop();
    await this.#stopping;
  }
}

async function stopOrphan(cluster: Cluster, logger: Pick<Logger, 'info'>): Promise<void> {
  const pid = await clearPredecessor(cluster);
  if (pid !== null) logger.info({ pid }, 'Stopped the PostgreSQL that a killed process had left');
}

/** Free at this moment; whoever takes it in between makes the server fail to bind, and we try another one. */
async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('No TCP port.'));
        else resolve(address.port);
      });
    });
  });
}

/** Answers why it is not ready, or `null` when it is. */
async function waitUntilReady(
  server: ServerProcess,
  url: Secret,
  end: number,
): Promise<string | null> {
  while (server.isRunning) {
    // Before it says so itself, something else might listen on that port, and would be told our password.
    if (await server.isReady()) {
      const outcome = await tryQuery(url);
      if (outcome !== 'not yet') return outcome;
    }
    if (performance.now() > end) return `not ready after ${START_TIMEOUT_MS / 1000} seconds`;
    await sleep(POLL_MS);
  }
  return `it ended by itself (${await server.ended})`;
}

/** `null` on success, else what the server refused it for; what may pass by itself is 'not yet'. */
async function tryQuery(url: Secret): Promise<string | null> {
  const client = new pg.Client({
    connectionString: url.reveal(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
  });
  // A connection that breaks between two awaits reports it here; the query that follows fails with the same.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return null;
  } catch (error) {
    const isRefusal = error instanceof pg.DatabaseError && error.code !== CANNOT_CONNECT_NOW;
    return isRefusal ? error.message : 'not yet';
  } finally {
    await client.end();
  }
}
