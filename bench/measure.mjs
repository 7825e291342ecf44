// @ts-check
/** One measured turn of one system, and the order of the turns. */
import { setTimeout as sleep } from 'node:timers/promises';

import { cpuBetween } from './cpu.mjs';

/**
 * @typedef {object} System what is measured
 * @property {'bare' | 'latchkey'} name
 * @property {number} port
 * @property {Record<import('./scenarios.mjs').KeyName, string>} authorization
 * @property {() => Promise<number>} cpuMicros
 * @property {() => Map<number, number>} databaseCpuMicros
 * @property {() => Promise<number>} exchanges round trips to the store of limits
 */

/** @typedef {import('./scenarios.mjs').Scenario} Scenario */

/**
 * @typedef {object} Bench
 * @property {import('./options.mjs').Options} options
 * @property {import('./processes.mjs').Worker} stub
 * @property {import('./processes.mjs').Worker} load
 * @property {System[]} systems
 * @property {() => Promise<System>} startNaive Latchkey, were it to ask the store for each call
 */

/**
 * @typedef {import('./load.mjs').RunResult & {
 *   cpuMicros: number,
 *   databaseCpuMicros: number,
 *   stubCpuMicros: number,
 *   exchanges: number,
 *   loadCpuMicros: number,
 *   seconds: number,
 * }} Turn
 */

/** @typedef {Partial<Record<System['name'], Turn[]>>} Turns */

/**
 * Warms every system up, then measures them in turns: in the second round in the opposite order, and so on, so that
 * drift of the machine hits all alike.
 *
 * @param {Bench} bench
 * @param {Scenario} scenario
 * @param {(text: string) => void} say progress
 * @returns {Promise<Turns>}
 */
export async function measure(bench, scenario, say) {
  const { rounds, seconds, warmup } = bench.options;
  /** @type {Turns} */
  const turns = {};
  for (const system of bench.systems) {
    say(`${scenario.title}: warming up ${system.name}`);
    await takeTurn(bench, scenario, system, warmup);
  }
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? bench.systems : bench.systems.toReversed();
    for (const system of order) {
      const turn = await takeTurn(bench, scenario, system, seconds);
      (turns[system.name] ??= []).push(turn);
      say(
        `${scenario.title}: round ${round + 1}/${rounds} ${system.name} ${turn.perSecond.toFixed(0)}/s`,
      );
    }
  }
  return turns;
}

/**
 * The CPU time is read after a pause, so that work which a system puts off (shipping usage records, collecting
 * garbage) is on its own bill and not in the next one's turn.
 *
 * @param {Bench} bench
 * @param {Scenario} scenario
 * @param {System} system
 * @param {number} seconds
 * @returns {Promise<Turn>}
 */
async function takeTurn({ options, stub, load }, scenario, system, seconds) {
  const read = () => Promise.all([system.cpuMicros(), stub.cpuMicros(), load.cpuMicros()]);
  await stub.ask('pace', scenario.pauseMs);
  const databaseBefore = system.databaseCpuMicros();
  const exchangesBefore = await system.exchanges();
  const before = await read();
  /** @type {import('./load.mjs').RunResult} */
  const result = await load.ask('run', {
    port: system.port,
    authorization: system.authorization[scenario.key],
    body: scenario.body,
    connections: scenario.connections,
    seconds,
    minimumEvents: scenario.minimumEvents,
  });
  await sleep(options.settle * 1000);
  const after = await read();
  return {
    ...result,
    cpuMicros: after[0] - before[0],
    databaseCpuMicros: cpuBetween(databaseBefore, system.databaseCpuMicros()),
    exchanges: (await system.exchanges()) - exchangesBefore,
    stubCpuMicros: after[1] - before[1],
    loadCpuMicros: after[2] - before[2],
    seconds,
  };
}
