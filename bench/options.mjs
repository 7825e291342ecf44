// @ts-check
import { parseArgs } from 'node:util';

import { SCENARIO_NAMES } from './scenarios.mjs';

export const USAGE = `npm run bench -- [options]

  --only bare|latchkey   measure one system only
  --scenarios A,B        of plain, policy, limits, single, stream, paced, naive, audited (all)
  --rounds N             measured turns of each system per scenario (5)
  --seconds N            length of a turn (4)
  --warmup N             seconds of load before the first turn (10)
  --settle N             seconds after a turn whose CPU time is still counted (1)
  --connections N        connections, each with one request under way (64)
  --chunks N             chunks of a stream (64)
  --pause-ms N           pause between the chunks of a paced stream (10)
  --include-usage        the client asks for the usage chunk itself
  --role NAME            LATCHKEY_ROLE (all)
  --env NAME=VALUE       a variable for Latchkey, e.g. REDIS_URL=...; may be repeated
  --json FILE            write all figures to FILE
  --help`;

/**
 * @typedef {object} Options
 * @property {'bare' | 'latchkey' | undefined} only
 * @property {import('./scenarios.mjs').ScenarioName[]} scenarios
 * @property {number} rounds
 * @property {number} seconds
 * @property {number} warmup
 * @property {number} settle
 * @property {number} connections
 * @property {number} chunks
 * @property {number} pauseMs
 * @property {boolean} includeUsage
 * @property {string} role
 * @property {Record<string, string>} env
 * @property {string | undefined} json
 */

/** @param {string} name @param {string} text @param {[number, number]} range */
function toNumber(name, text, [low, high]) {
  const value = Number(text);
  if (text.trim() !== '' && value >= low && value <= high) return value;
  throw new Error(`--${name} must be a number from ${low} to ${high}`);
}

/** @param {string} name @param {string} text @param {[number, number]} range */
function toInteger(name, text, range) {
  const value = toNumber(name, text, range);
  if (Number.isInteger(value)) return value;
  throw new Error(`--${name} must be a whole number`);
}

/** @param {string | undefined} only @returns {Options['only']} */
function toOnly(only) {
  if (only === undefined || only === 'bare' || only === 'latchkey') return only;
  throw new Error('--only must be bare or latchkey');
}

/** @param {string} list @returns {Options['scenarios']} */
function toScenarios(list) {
  return list.split(',').map((text) => {
    const name = SCENARIO_NAMES.find((known) => known === text);
    if (name === undefined) throw new Error(`--scenarios must be of ${SCENARIO_NAMES.join(', ')}`);
    return name;
  });
}

/** @param {string[]} pairs */
function toEnv(pairs) {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new Error('--env must be NAME=VALUE');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

/**
 * @param {string[]} argv
 * @returns {Options | 'help'}
 * @throws {Error} that names the option at fault
 */
export function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      scenarios: { type: 'string', default: SCENARIO_NAMES.join(',') },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      warmup: { type: 'string', default: '10' },
      settle: { type: 'string', default: '1' },
      connections: { type: 'string', default: '64' },
      chunks: { type: 'string', default: '64' },
      'pause-ms': { type: 'string', default: '10' },
      'include-usage': { type: 'boolean', default: false },
      role: { type: 'string', default: 'all' },
      env: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    only: toOnly(values.only),
    scenarios: toScenarios(values.scenarios),
    rounds: toInteger('rounds', values.rounds, [1, 100]),
    seconds: toNumber('seconds', values.seconds, [0.5, 300]),
    warmup: toNumber('warmup', values.warmup, [0.5, 300]),
    settle: toNumber('settle', values.settle, [0, 60]),
    connections: toInteger('connections', values.connections, [1, 1000]),
    chunks: toInteger('chunks', values.chunks, [2, 10_000]),
    pauseMs: toInteger('pause-ms', values['pause-ms'], [1, 1000]),
    includeUsage: values['include-usage'],
    role: values.role,
    env: toEnv(values.env),
    json: values.json,
  };
}
