import {
  assertSchemaCompatibility,
  type BackendFactory,
  LATEST_SCHEMA_VERSION,
  type PgPool,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend as BullBackend,
  runMigrations,
  SchemaMigrationRequiredError,
  withBackend,
} from 'bullmq';
import pg from 'pg';

import type { Secret } from '#common/secret/secret.js';

import {
  type BackedProcessor,
  type BackedQueue,
  type BackedWorker,
  QueueBackend,
} from './queue-backend.port.js';
import { EVENT_STREAMS, JOB_OPTIONS, STALLED_INTERVAL_MS } from './queue-settings.js';
import { within } from '#common/time/within.js';

const SCHEMA = 'bullmq';
const APPLICATION_NAME = 'latchkey-queue';
const CONNECT_TIMEOUT_MS = 3_000;
/** BullMQ's statements are short; only a server that has gone away keeps one waiting that long. */
const QUERY_TIMEOUT_MS = 10_000;
/** Beside the connection that each worker listens on. */
const SHARED_CONNECTIONS = 5;
const MAX_CLOSE_MS = 2_000;
/** When BullMQ asks again while an operation fails because the server refuses connections. Its default is 15 s. */
const RETRY_MS = 1_000;
/** A notification that got lost with a silently broken connection delays a job by no more. Its default is an hour. */
const MAX_BLOCK_SECONDS = 10;

class AttentiveBackend extends BullBackend {
  override get maximumBlockTimeout(): number {
    return MAX_BLOCK_SECONDS;
  }
}

const createBackend: BackendFactory<AttentiveBackend, PostgresConnectionOptions> = (
  name,
  options,
) => new AttentiveBackend(new PostgresConnection(options.connection), name, options);

const { Queue, Worker } = withBackend(createBackend);

/** BullMQ's tables in PostgreSQL (https://docs.bullmq.io/guide/postgresql), in a schema of their own. */
export class PostgresQueueBackend extends QueueBackend {
  readonly #pool: pg.Pool;
  readonly #connection: PgPool;
  readonly #clients = new Set<pg.PoolClient>();
  #workers = 0;

  constructor(private readonly databaseUrl: Secret) {
    super();
    this.#pool = new pg.Pool({
      connectionString: withSearchPath(databaseUrl.reveal()),
      application_name: APPLICATION_NAME,
      max: SHARED_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    // Each queue and worker adds its own listener for errors.
    this.#pool.setMaxListeners(0);
    this.#pool.on('connect', (client) => this.#clients.add(client));
    this.#pool.on('remove', (client) => this.#clients.delete(client));
    // BullMQ takes a pool of `pg`; only the two descriptions of its overloaded methods do not match.
    this.#connection = this.#pool as unknown as PgPool;
  }

  override async prepare(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.databaseUrl.reveal(),
      application_name: APPLICATION_NAME,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    client.on('error', () => {
      // The query that is under way rejects with it.
    });
    await client.connect();
    try {
      // Looks first: migrating needs the right to create, which the running service may lack. It takes its own lock.
      if (!(await isCurrent(client))) await runMigrations(client, SCHEMA);
    } finally {
      await client.end();
    }
  }

  override createQueue(name: string): BackedQueue {
    return new Queue<object, void>(name, {
      connection: this.#connection,
      defaultJobOptions: JOB_OPTIONS,
      streams: EVENT_STREAMS,
    });
  }

  override createWorker(
    name: string,
    processor: BackedProcessor,
    concurrency: number,
  ): BackedWorker {
    this.#workers++;
    this.#pool.options.max = SHARED_CONNECTIONS + this.#workers;
    return new Worker<object, void>(name, processor, {
      connection: this.#connection,
      autorun: false,
      concurrency,
      runRetryDelay: RETRY_MS,
      stalledInterval: STALLED_INTERVAL_MS,
    });
  }

  override async close(): Promise<void> {
    await within(MAX_CLOSE_MS, this.#end(), 'The queue’s connections did not end in time.');
  }

  /** A pool says that it has ended when it has begun to close its connections; a server that stops now cuts them. */
  async #end(): Promise<void> {
    await this.#pool.end();
    while (this.#clients.size > 0) {
      await new Promise<void>((resolve) => this.#pool.once('remove', () => resolve()));
    }
  }
}

async function isCurrent(client: pg.Client): Promise<boolean> {
  try {
    return (await assertSchemaCompatibility(client, SCHEMA)) >= LATEST_SCHEMA_VERSION;
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return false;
    throw error;
  }
}

/** BullMQ's statements name no schema. What the URL itself sets stays in force. */
function withSearchPath(databaseUrl: string): string {
  const [address = '', query] = databaseUrl.split('?', 2);
  const parameters = new URLSearchParams(query);
  const given = parameters.get('options');
  parameters.set('options', `${given === null ? '' : `${given} `}-c search_path=${SCHEMA}`);
  return `${address}?${parameters.toString()}`;
}
