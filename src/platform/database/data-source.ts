import type { DataSourceOptions } from 'typeorm';

import type { Secret } from '#common/secret/secret.js';

import { MIGRATIONS } from './migrations/index.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

const POOL_SIZE = 10;
/** With PostgreSQL away a caller is answered within 5 s, so each of these waits must end sooner. */
const CONNECT_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 4_000;
/** The client's own patience, for a server that does not answer at all. */
const QUERY_TIMEOUT_MS = 4_500;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;

/** The one description of the database, for the application, the migrations and TypeORM's command line. */
export function dataSourceOptions(databaseUrl: Secret): PostgresOptions {
  return {
    type: 'postgres',
    url: databaseUrl.reveal(),
    applicationName: 'latchkey',
    migrations: MIGRATIONS,
    migrationsTableName: 'schema_migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    poolSize: POOL_SIZE,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    extra: {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      keepAlive: true,
    },
  };
}
