// @ts-check
/** Starts and ends the bench's processes. Every one is ended by its pid, whatever happens. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { cpuMicros, hasProc } from './cpu.mjs';

const ORDER_TIMEOUT_MS = 10 * 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * @typedef {object} Worker a process of ours that takes orders
 * @property {(order: string, argument?: unknown) => Promise<any>} ask
 * @property {() => Promise<number>} cpuMicros
 */

/** What must be undone when the bench ends, last in first out. */
export class Cleanups {
  /** @type {(() => unknown)[]} */
  #steps = [];
  #isOver = false;

  /**
   * @param {() => unknown} step
   * @throws {Error} when the bench is already ending; the step is begun first
   */
  add(step) {
    if (this.#isOver) {
      void step();
      throw new Error('the bench is ending');
    }
    this.#steps.push(step);
  }

  /** Runs every step, also after one failed. Safe to call twice. */
  async run() {
    this.#isOver = true;
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        console.error('clean-up failed:', error);
      }
    }
  }
}

/**
 * @param {string} file beside this one
 * @param {Cleanups} cleanups
 * @param {string[]} [execArgv] flags of Node
 * @returns {Worker}
 */
export function startWorker(file, cleanups, execArgv = []) {
  const program = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(program, { serialization: 'json', execArgv });
  cleanups.add(() => stopProcess(child));
  let nextId = 1;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  child.on('message', (/** @type {{ id: number, value?: unknown, error?: string }} */ message) => {
    const entry = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) entry?.resolve(message.value);
    else entry?.reject(new Error(message.error));
  });
  child.on('exit', (code, signal) => {
    const error = new Error(`${file} ended: ${signal ?? code}`);
    for (const entry of waiting.values()) entry.reject(error);
    waiting.clear();
  });
  /** @type {Worker['ask']} */
  const ask = (order, argument) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      const timer = setTimeout(
        () => reject(new Error(`${file} ${order}: no answer`)),
        ORDER_TIMEOUT_MS,
      );
      const settle = (/** @type {() => void} */ then) => {
        clearTimeout(timer);
        then();
      };
      waiting.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
      child.send({ id, order, argument });
    });
  return { ask, cpuMicros: () => workerCpuMicros(child.pid, ask) };
}

/**
 * @param {number | undefined} pid
 * @param {Worker['ask']} ask
 */
async function workerCpuMicros(pid, ask) {
  if (hasProc && pid !== undefined) return cpuMicros(pid);
  /** @type {import('./child.mjs').CpuAnswer} */
  const { userMicros, systemMicros } = await ask('cpu');
  return userMicros + systemMicros;
}

/**
 * Asks a process to end, and kills it when it does not.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
export async function stopProcess(child) {
  if (!isRunning(child)) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(timer);
}

/** @param {import('node:child_process').ChildProcess} child */
export function isRunning(child) {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
