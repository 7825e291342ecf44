import { randomBytes } from 'node:crypto';
import { readdir, readlink, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

import { DataFolder, DataFolderInUseError } from '#platform/embedded/data-folder.js';
import { EmbeddedPostgres } from '#platform/embedded/embedded-postgres.js';
import { clearPredecessor } from '#platform/embedded/server-process.js';

declare module 'vitest' {
  // Merging is what interfaces alone can do.
  interface ProvidedContext {
    /** A server whose data nobody will miss; its role may create databases. */
    postgresUrl: string;
    /** The database that `createTestDatabase` migrates once and copies. One per run and project. */
    postgresTemplate: string;
  }
}

const FOLDER_PREFIX = 'latchkey-test-';

/** Nothing here has to survive a crash, so nothing waits for the disk. */
const VOLATILE = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Its sessions can't be ended by an ordinary role, so a database could not be dropped while it works there.
  autovacuum: 'off',
  max_connections: '300',
};

const logger = {
  info: (): void => undefined,
  warn: (fields: object, message?: string): void => console.warn(message, fields),
};

/** Vitest calls this once per project and run; the function that it answers is the teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const template = `latchkey_template_${randomBytes(6).toString('hex')}`;
  project.provide('postgresTemplate', template);
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') {
    project.provide('postgresUrl', given);
    return async () => dropTemplate(given, template);
  }
  await sweepAbandoned();
  const folder = await DataFolder.claim(
    join(tmpdir(), `${FOLDER_PREFIX}${randomBytes(6).toString('hex')}`),
  );
  try {
    const server = await EmbeddedPostgres.start({ folder, logger, settings: VOLATILE });
    project.provide('postgresUrl', server.url.reveal());
    return async () => {
      await server.stop();
      await removeWithCluster(folder.path);
    };
  } catch (error) {
    await removeWithCluster(folder.path);
    throw error;
  }
}

/** A run that was killed could not stop its server. Its folder can be claimed, for its holder is dead. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const path = join(tmpdir(), name);
    try {
      // Whoever has just made a folder may not have locked it yet.
      if (Date.now() - (await stat(path)).mtimeMs < 60_000) continue;
      await DataFolder.claim(path);
      const cluster = await realpath(join(path, 'postgres')).catch(() => null);
      if (cluster !== null) await clearPredecessor({ path: cluster, account: null });
      await removeWithCluster(path);
    } catch (error) {
      if (!(error instanceof DataFolderInUseError)) logger.warn({ path, error }, 'Left in place');
    }
  }
}

/** Where the server's user can't enter the temporary folder, the cluster is a link to a private home elsewhere. */
async function removeWithCluster(path: string): Promise<void> {
  const elsewhere = await readlink(join(path, 'postgres')).catch(() => null);
  if (elsewhere !== null) await rm(dirname(elsewhere), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

async function dropTemplate(url: string, template: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [
      template,
    ]);
    if (rowCount === 0) return;
    await client.query(`ALTER DATABASE ${template} IS_TEMPLATE false`);
    await client.query(`DROP DATABASE ${template} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
