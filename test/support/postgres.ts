import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { migrate } from '#platform/database/migrate.js';

/** Any fixed number: whoever makes the template holds the advisory lock of this name. */
const TEMPLATE_LOCK = 7_203_099;

export type TestDatabase = Readonly<{
  name: string;
  url: string;
  /** Ends the sessions that are left, too. */
  drop: () => Promise<void>;
}>;

/**
 * A migrated, empty database of the caller's own, in about 50 ms: a copy of one that was migrated once.
 * @param of the one to copy instead; nobody may be connected to it
 */
export async function createTestDatabase(of?: TestDatabase): Promise<TestDatabase> {
  const name = `latchkey_test_${randomBytes(8).toString('hex')}`;
  await withServer(async (client) => {
    const template = of?.name ?? (await ensureTemplate(client));
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return {
    name,
    url: urlOf(name),
    drop: async () =>
      withServer(async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** It is marked as a template only when it is complete, so one that a failed migration left is made anew. */
async function ensureTemplate(client: pg.Client): Promise<string> {
  const template = inject('postgresTemplate');
  const isComplete = async (): Promise<boolean> => {
    const { rows } = await client.query<{ datistemplate: boolean }>(
      'SELECT datistemplate FROM pg_database WHERE datname = $1',
      [template],
    );
    return rows[0]?.datistemplate === true;
  };
  if (await isComplete()) return template;
  // Creating a database can't be part of a transaction, so the lock is the session's, and is given back with it.
  await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  if (!(await isComplete())) {
    await client.query(`DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${template}`);
    await migrate(new Secret(urlOf(template)));
    await client.query(`ALTER DATABASE ${template} IS_TEMPLATE true`);
  }
  await client.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  return template;
}

function urlOf(database: string): string {
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${database}`;
  return url.href;
}

async function withServer(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Rows of one statement on any of them. */
export async function queryDatabase<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  parameters: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...parameters])).rows;
  } finally {
    await client.end();
  }
}
