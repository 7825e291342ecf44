// Whether the migrations make the schema that the entities describe, and whether each can be undone: `npm run
// migration:check`, after `npm run build`. It works on a PostgreSQL of its own, which is gone afterwards.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import { DataSource } from 'typeorm';

const built = (path) => import(new URL(`../dist/src/platform/${path}`, import.meta.url).href);
const { DataFolder } = await built('embedded/data-folder.js');
const { EmbeddedPostgres } = await built('embedded/embedded-postgres.js');
const { migrate } = await built('database/migrate.js');
const { dataSourceOptions } = await built('database/data-source.js');
const { MIGRATIONS } = await built('database/migrations/index.js');

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VOLATILE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const logger = { info: () => undefined, warn: (facts, text) => console.warn(text, facts) };

/** Every relation, column, constraint, index, trigger and routine of the schema, as PostgreSQL itself writes them. */
const SCHEMA = `
  SELECT 'relation' AS kind, relname::text AS name, concat_ws(' ', relkind, reloptions::text) AS definition
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'column', attrelid::regclass || '.' || attname,
         concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
  UNION ALL
  SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL
  SELECT 'routine', oid::regprocedure::text, prosrc
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  ORDER BY 1, 2`;

const parent = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'));
// PostgreSQL may have to run as another user, who must be able to pass.
await chmod(parent, 0o711);
const folder = await DataFolder.claim(join(parent, 'data'));
let server = null;
try {
  server = await EmbeddedPostgres.start({ folder, logger, settings: VOLATILE });
  const problems = await check(server.url);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`${MIGRATIONS.length} migrations match the entities, and each can be undone.`);
} finally {
  await server?.stop();
  await folder.release();
  const elsewhere = await readlink(join(folder.path, 'postgres')).catch(() => null);
  if (elsewhere !== null) await rm(dirname(elsewhere), { recursive: true, force: true });
  await rm(parent, { recursive: true, force: true });
}

/** What is wrong, in words; empty when nothing is. */
async function check(url) {
  const untouched = await readSchema(url);
  await migrate(url);
  const drift = await findDrift(url);
  const migrated = await readSchema(url);
  const undone = await undoAll(url);
  await migrate(url);
  return [
    ...drift,
    ...compare('After all migrations are undone there is still', untouched, undone),
    ...compare('Undone and run again, the migrations differ in', migrated, await readSchema(url)),
  ];
}

/** TypeORM's own comparison. Tables that have no entity are not looked at. */
async function findDrift(url) {
  const cli = join(ROOT, 'node_modules/typeorm/cli.js');
  const args = ['migration:generate', '--check', '--esm', '-d', 'dist/ormconfig.js', 'drift'];
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: ROOT,
    env: { ...process.env, DATABASE_URL: url.reveal(), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return code === 0 ? [] : [`The entities and the migrations differ:\n${output.trim()}`];
}

async function undoAll(url) {
  const dataSource = new DataSource({ ...dataSourceOptions(url), extra: {}, poolSize: 2 });
  await dataSource.initialize();
  try {
    for (let left = MIGRATIONS.length; left > 0; left--) await dataSource.undoLastMigration();
    // TypeORM's list of migrations is not theirs to undo.
    await dataSource.query('DROP TABLE schema_migrations');
  } finally {
    await dataSource.destroy();
  }
  return readSchema(url);
}

/** `kind name` → definition. */
async function readSchema(url) {
  const client = new pg.Client({ connectionString: url.reveal() });
  await client.connect();
  try {
    const { rows } = await client.query(SCHEMA);
    return new Map(rows.map(({ kind, name, definition }) => [`${kind} ${name}`, definition]));
  } finally {
    await client.end();
  }
}

function compare(complaint, before, after) {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${complaint} ${name}: ${before.get(name)} → ${after.get(name)}`);
}
