/**
 * Where the cluster (PostgreSQL's data directory) is, and how it comes to be. It is made in a folder of its own and
 * renamed into place when it is complete, role and database included, so that a crash in the middle leaves nothing
 * that looks like a cluster.
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { Secret } from '#common/secret/secret.js';

import { type DataFolder, syncFolder } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';
import type { PostgresPrograms } from './postgres-programs.js';
import { missingIsNull } from './process-identity.js';
import { type Account, runProgram } from './run-program.js';
import { canEnter, prepareHome } from './server-account.js';

const NAME = 'postgres';
const UNFINISHED_PREFIX = `${NAME}.unfinished-`;
const PASSWORD_FILE = 'postgres-password';
const INIT_TIMEOUT_MS = 120_000;

/** The application's role and its database have the same name. */
export const DATABASE = 'latchkey';

export type Cluster = Readonly<{
  /** Absolute, and not a symbolic link itself. */
  path: string;
  account: Account;
}>;

/** Where the cluster is, or will be once it has been made: in the data folder, or where `account` can reach it. */
export async function locateCluster(
  folder: DataFolder,
  account: Account,
  homes: readonly string[],
): Promise<Cluster> {
  const path = join(folder.path, NAME);
  const found = await lstat(path).catch(missingIsNull);
  if (found?.isSymbolicLink()) return relocatedCluster(path, await readlink(path), account);
  if (found !== null) return ownedCluster(path, account);
  if (account !== null && folder.isNew) {
    // We made this folder just now, so we may let the user pass through it (not list it, nor read what is in it).
    await chown(folder.path, 0, account.gid);
    await chmod(folder.path, 0o710);
  }
  if (await canEnter(account, folder.path)) return { path, account };
  const elsewhere = join(await makePrivateHome(folder.path, account, homes), NAME);
  // The link comes first: one that leads to an empty home is a cluster that was never finished.
  await symlink(elsewhere, path);
  await syncFolder(folder.path);
  return { path: elsewhere, account };
}

async function relocatedCluster(link: string, path: string, account: Account): Promise<Cluster> {
  if ((await stat(dirname(path)).catch(missingIsNull)) === null) {
    throw new EmbeddedPostgresError(
      `${link} leads to ${path}, which is gone, and the database with it. ` +
        `Bring it back, or remove ${link} to start with an empty database.`,
    );
  }
  return (await stat(path).catch(missingIsNull)) === null
    ? { path, account }
    : ownedCluster(path, account);
}

/** As root the server runs as whoever owns the cluster: PostgreSQL insists on it. */
async function ownedCluster(path: string, account: Account): Promise<Cluster> {
  const { uid, gid } = await stat(path);
  if (account === null) {
    if (uid === process.getuid?.()) return { path, account };
    throw new EmbeddedPostgresError(
      `The database ${path} belongs to the user with uid ${uid}. Start as that user, or as root.`,
    );
  }
  const owner = uid === 0 || uid === account.uid ? account : { name: `uid ${uid}`, uid, gid };
  if (!(await canEnter(owner, dirname(path)))) {
    throw new EmbeddedPostgresError(
      `PostgreSQL can't run as root, and the user ${owner.name} can't reach its database ${path}. ` +
        'Let that user pass through the parent folders (chmod o+x), or start as an ordinary user.',
    );
  }
  return { path, account: owner };
}

/** A file in it tells operators whose it is: removing the data folder does not remove what lies here. */
async function makePrivateHome(
  dataFolder: string,
  account: Account,
  homes: readonly string[],
): Promise<string> {
  const failures: string[] = [];
  for (const home of homes) {
    const obstacle = await prepareHome(home, account);
    if (obstacle === null) {
      const id = join(home, randomBytes(8).toString('hex'));
      await mkdir(id);
      await chmod(id, 0o711);
      await writeFile(join(id, 'data-folder'), `${dataFolder}\n`, { mode: 0o600 });
      return id;
    }
    failures.push(obstacle);
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL can't run as root, and the user ${account?.name} can't reach the data folder. ` +
      'Put it where that user can pass, start as an ordinary user, or set DATABASE_URL. ' +
      `What was tried:\n${failures.join('\n')}`,
  );
}

/**
 * Makes the cluster unless it is there, and answers the password of the role {@link DATABASE}. That role owns its
 * database and is no superuser, so row-level security applies to it. Nobody knows the superuser's password.
 * @throws EmbeddedPostgresError
 */
export async function ensureCluster(
  folder: DataFolder,
  cluster: Cluster,
  programs: PostgresPrograms,
  isDurable: boolean,
): Promise<Secret> {
  const known = await folder.readSecretFile(PASSWORD_FILE);
  const version = await readFile(join(cluster.path, 'PG_VERSION'), 'utf8').catch(missingIsNull);
  await removeUnfinished(dirname(cluster.path));
  if (version === null) {
    if ((await stat(cluster.path).catch(missingIsNull)) !== null) {
      throw new EmbeddedPostgresError(
        `${cluster.path} is there but is not a PostgreSQL cluster. Move it out of the way.`,
      );
    }
    const password = known ?? new Secret(randomBytes(32).toString('base64url'));
    await folder.writeSecretFile(PASSWORD_FILE, password);
    await makeCluster(cluster, programs, password, isDurable);
    return password;
  }
  if (version.trim() !== programs.majorVersion) {
    throw new EmbeddedPostgresError(
      `The database in ${cluster.path} was made by PostgreSQL ${version.trim()}, and this release carries ` +
        `PostgreSQL ${programs.majorVersion}. Move it over with pg_dump, or run it with a release that fits.`,
    );
  }
  if (known === null) {
    throw new EmbeddedPostgresError(
      `The database's password is missing: bring back ${join(folder.path, PASSWORD_FILE)}.`,
    );
  }
  return known;
}

async function removeUnfinished(workspace: string): Promise<void> {
  for (const name of await readdir(workspace)) {
    if (!name.startsWith(UNFINISHED_PREFIX)) continue;
    // An initdb whose parent was killed may still be writing there for a moment.
    await rm(join(workspace, name), { recursive: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function makeCluster(
  { path, account }: Cluster,
  programs: PostgresPrograms,
  password: Secret,
  isDurable: boolean,
): Promise<void> {
  const workspace = dirname(path);
  const unfinished = await mkdtemp(join(workspace, UNFINISHED_PREFIX));
  try {
    const data = join(unfinished, NAME);
    const passwordFile = join(unfinished, 'password');
    await writeFile(passwordFile, randomBytes(32).toString('base64url'), { mode: 0o600 });
    await giveTo(account, passwordFile);
    await giveTo(account, unfinished);
    const options = { account, timeoutMs: INIT_TIMEOUT_MS };
    const initdb = await runProgram(
      programs.initdb,
      initdbArguments(data, passwordFile, isDurable),
      options,
    );
    if (!initdb.ok) throw new EmbeddedPostgresError(`initdb failed:\n${initdb.output}`);
    // Single-user mode: no port is open before the role that may use it exists.
    const setup = await runProgram(
      programs.postgres,
      ['--single', '-D', data, ...SINGLE_USER_SETTINGS, 'postgres'],
      { ...options, input: setupStatements(password) },
    );
    if (!setup.ok) throw new EmbeddedPostgresError(`PostgreSQL's setup failed:\n${setup.output}`);
    await rename(data, path);
    await syncFolder(workspace);
  } finally {
    await rm(unfinished, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function giveTo(account: Account, path: string): Promise<void> {
  if (account !== null) await chown(path, account.uid, account.gid);
}

/** https://www.postgresql.org/docs/18/app-initdb.html */
function initdbArguments(data: string, passwordFile: string, isDurable: boolean): string[] {
  return [
    `--pgdata=${data}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Sorts by code point and knows the letters of all languages, the same on every machine.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    ...(isDurable ? [] : ['--no-sync']),
  ];
}

const SINGLE_USER_SETTINGS = [
  ['-c', 'exit_on_error=on'],
  // The statements hold a password.
  ['-c', 'log_min_error_statement=panic'],
].flat();

/** One statement a line, as single-user mode wants it. The password is base64url: nothing in it needs quoting. */
function setupStatements(password: Secret): string {
  return [
    `CREATE ROLE ${DATABASE} LOGIN CREATEDB PASSWORD '${password.reveal()}'`,
    `CREATE DATABASE ${DATABASE} OWNER ${DATABASE}`,
    '',
  ].join('\n');
}
