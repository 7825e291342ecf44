import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Position of `starttime` in /proc/<pid>/stat after the command's closing bracket (proc_pid_stat(5), field 22). */
const START_TIME_INDEX = 19;
const GONE_STATES = ['Z', 'X', 'x'];

/**
 * A process as the kernel knows it. `startTicks` tells it from a later one with the same pid; it is `null` where the
 * system does not say (anything but Linux).
 */
export type ProcessIdentity = { readonly pid: number; readonly startTicks: string | null };

/**
 * Answers `null` when no such process runs. A zombie counts as gone: it executes nothing any more, but keeps its pid
 * for as long as nobody reaps it, which in a container without an init is for ever.
 */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isSignallable(pid)) return null;
  if (process.platform !== 'linux') return { pid, startTicks: null };
  const stat = await readProc(`/proc/${pid}/stat`);
  if (stat === null) return isSignallable(pid) ? { pid, startTicks: null } : null;
  // The command's name stands in brackets and may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (GONE_STATES.includes(fields[0] ?? '')) return null;
  return { pid, startTicks: fields[START_TIME_INDEX] ?? null };
}

/**
 * Names what a pid is relative to: the machine, its boot and the pid namespace (a container has its own). Pids of
 * another scope say nothing here.
 */
export async function pidScope(): Promise<string> {
  if (process.platform !== 'linux') return hostname();
  const bootId = await readProc('/proc/sys/kernel/random/boot_id');
  const namespace = await readlink('/proc/self/ns/pid').catch(unseenIsNull);
  return [hostname(), bootId?.trim() ?? '', namespace ?? ''].join(' ');
}

function isSignallable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function readProc(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(unseenIsNull);
}

/** For `.catch` of a file operation: what is not there is `null`. */
export function missingIsNull(error: unknown): null {
  if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return null;
  throw error;
}

/** The same for files in /proc: the process has ended meanwhile, or is not ours to look at. */
export function unseenIsNull(error: unknown): null {
  if (['ESRCH', 'EACCES', 'EPERM'].includes(errorCode(error))) return null;
  return missingIsNull(error);
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
