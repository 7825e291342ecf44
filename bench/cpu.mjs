// @ts-check
/**
 * CPU time by the kernel's own books, so that nothing in the product is there for the bench. On Linux it is the sum
 * of the threads' `/proc/<pid>/task/<tid>/schedstat` (nanoseconds on a CPU; "Scheduler Statistics" in the kernel's
 * documentation), or utime + stime of `/proc/<pid>/stat` (10 ms steps) on a kernel without them.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, what `/proc/<pid>/stat` counts in on every Linux that Node runs on (proc(5)). */
const MICROS_PER_TICK = 10_000;
const PARENT_FIELD = 1;
const UTIME_FIELD = 11;
const STIME_FIELD = 12;
const START_FIELD = 19;

export const hasProc = process.platform === 'linux';

/**
 * The fields after the command's name, which may itself hold spaces and parentheses.
 *
 * @param {string | number} pid
 */
function statFields(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** @param {number} pid @returns {number} microseconds of CPU time since the process began */
export function cpuMicros(pid) {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanos += readNanos(`/proc/${pid}/task/${task}/schedstat`);
  }
  if (nanos > 0) return nanos / 1000;
  const fields = statFields(pid);
  return (Number(fields[UTIME_FIELD]) + Number(fields[STIME_FIELD])) * MICROS_PER_TICK;
}

/** @param {string} path */
function readNanos(path) {
  return ifThere(() => Number(readFileSync(path, 'latin1').split(' ', 1)[0]), 0);
}

/**
 * CPU time of each of `pids`, by process, because Latchkey's PostgreSQL has backends that come and go.
 *
 * @param {Iterable<number>} pids
 * @returns {Map<number, number>} pid → microseconds
 */
export function cpuMicrosOfEach(pids) {
  return new Map([...pids].map((pid) => [pid, ifThere(() => cpuMicros(pid), 0)]));
}

/**
 * When a process began, in ticks since boot: with its pid that names it for good, which the pid alone does not.
 *
 * @param {number} pid
 * @returns {string | undefined} `undefined`: it has ended
 */
export function startTicks(pid) {
  return ifThere(() => statFields(pid)[START_FIELD], undefined);
}

/** @param {number} pid @returns {Set<number>} */
export function descendantsOf(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = ifThere(() => Number(statFields(name)[PARENT_FIELD]), 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = new Set(children.get(pid) ?? []);
  // A set is walked in order of insertion, so what is added here is visited too.
  for (const child of found) for (const below of children.get(child) ?? []) found.add(below);
  return found;
}

/**
 * @param {Map<number, number>} before
 * @param {Map<number, number>} after
 * @returns {number} what the processes that are still there used in between
 */
export function cpuBetween(before, after) {
  let micros = 0;
  for (const [pid, now] of after) micros += now - (before.get(pid) ?? 0);
  return micros;
}

/**
 * A process or thread may end between the listing and the reading.
 *
 * @template T
 * @param {() => T} read
 * @param {T} otherwise
 */
function ifThere(read, otherwise) {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return otherwise;
    throw error;
  }
}
