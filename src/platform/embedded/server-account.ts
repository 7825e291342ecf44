/**
 * PostgreSQL refuses to run as root, so a root process runs it as an unprivileged user, who must be able to reach its
 * programs and its data. Where a parent folder bars the way (mode 0700), what PostgreSQL needs is placed in a
 * system-wide home instead; no parent's mode is ever changed.
 */
import { chmod, lstat, mkdir, readFile } from 'node:fs/promises';

import { EmbeddedPostgresError } from './embedded-postgres.errors.js';
import { errorCode } from './process-identity.js';
import { type Account, runProgram } from './run-program.js';

const CANDIDATES = ['postgres', 'nobody'];
export const SYSTEM_HOMES: readonly string[] = ['/var/lib/latchkey', '/var/tmp/latchkey-root'];
const WRITABLE_BY_OTHERS = 0o022;
const PROBE_TIMEOUT_MS = 10_000;

/** `postgres` where that user exists, else `nobody`; `null` when we are not root. */
export async function findAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return null;
  const users = parsePasswd(await readFile('/etc/passwd', 'utf8'));
  for (const name of CANDIDATES) {
    const user = users.get(name);
    if (user !== undefined) return user;
  }
  throw new EmbeddedPostgresError(
    "PostgreSQL can't run as root, and there is neither a user postgres nor a user nobody. " +
      'Start as an ordinary user, or set DATABASE_URL.',
  );
}

/** passwd(5): `name:password:uid:gid:…`. Users with the rights of root are left out. */
export function parsePasswd(text: string): Map<string, NonNullable<Account>> {
  const users = new Map<string, NonNullable<Account>>();
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid) || Number(uid) === 0) continue;
    users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return users;
}

/** Tried as that user, because access lists and mount options may say other things than the mode does. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  if (account === null) return true;
  const { ok } = await runProgram('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    account,
    timeoutMs: PROBE_TIMEOUT_MS,
  });
  return ok;
}

/** Makes a system-wide home ready. Answers why it can't be used, or `null` when it can. */
export async function prepareHome(path: string, account: Account): Promise<string | null> {
  try {
    await mkdir(path);
    // The process's umask may have taken away what others need to pass through.
    await chmod(path, 0o755);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') return `${path}: ${errorCode(error)}`;
  }
  if (!(await isOnlyOurs(path))) return `${path} is not a folder that only we can write to`;
  return (await canEnter(account, path)) ? null : `${path} can't be entered by ${account?.name}`;
}

/** Whoever else could write there could make us run their program, or read the database. */
export async function isOnlyOurs(path: string): Promise<boolean> {
  const found = await lstat(path);
  return (
    found.isDirectory() &&
    found.uid === process.getuid?.() &&
    (found.mode & WRITABLE_BY_OTHERS) === 0
  );
}
