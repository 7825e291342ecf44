import pg from 'pg';
import { DataSource } from 'typeorm';

import type { Secret } from '#common/secret/secret.js';

import { dataSourceOptions } from './data-source.js';

/** Any fixed number: whoever migrates this database takes the lock of this name. */
const MIGRATION_LOCK = 7_203_001;

/**
 * Brings the schema up to date. Any number of processes may call it at once: one works, the others wait for it on a
 * session-level advisory lock and then find nothing to do. The lock is held on a connection of its own, because each
 * migration commits by itself.
 */
export async function migrate(databaseUrl: Secret): Promise<void> {
  const lock = new pg.Client({
    connectionString: databaseUrl.reveal(),
    application_name: 'latchkey-migrate',
  });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const dataSource = new DataSource({
      ...dataSourceOptions(databaseUrl),
      extra: {},
      poolSize: 2,
    });
    await dataSource.initialize();
    try {
      await dataSource.runMigrations();
    } finally {
      await dataSource.destroy();
    }
  } finally {
    // Ending the session gives the lock back.
    await lock.end();
  }
}
